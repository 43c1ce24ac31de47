// Results of face-api itself for raw images: see face_reference.py.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [folder, jobs] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), 'package.json'));
const models = path.join(path.resolve(folder), 'node_modules/@vladmandic/face-api/model');
// The variant for the wasm backend takes any TensorFlow.js; we use the plain JavaScript backend.
const faceapi = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
const { tf } = faceapi;
await tf.setBackend('cpu');
await tf.ready();

const read = async (paths) => paths.map((name) => {
  const { buffer, byteOffset, length } = fs.readFileSync(name);
  return buffer.slice(byteOffset, byteOffset + length);
});
const loadWeights = tf.io.weightsLoaderFactory(read);
const load = async (net, name) => {
  const manifest = fs.readFileSync(path.join(models, `${name}-weights_manifest.json`), 'utf8');
  net.loadFromWeightMap(await loadWeights(JSON.parse(manifest), models));
};
const { tinyFaceDetector: detector, faceExpressionNet: expression } = faceapi.nets;
await load(detector, 'tiny_face_detector_model');
await load(expression, 'face_expression_model');

const answers = [];
for (const { file, height, width, size } of JSON.parse(fs.readFileSync(jobs, 'utf8'))) {
  const image = tf.tensor3d(new Uint8Array(fs.readFileSync(file)), [height, width, 3], 'int32');
  const options = new faceapi.TinyFaceDetectorOptions({ inputSize: size, scoreThreshold: 0.5 });
  const found = await detector.locateFaces(image, options);
  const faces = [];
  for (const [i, crop] of (await faceapi.extractFaceTensors(image, found)).entries()) {
    const features = expression.faceFeatureExtractor.forwardInput(await faceapi.toNetInput(crop));
    const probabilities = tf.softmax(expression.runNet(features));
    const { x, y, width: w, height: h } = found[i].box;
    faces.push({
      box: [x, y, w, h, found[i].score],
      features: Array.from(features.dataSync()),
      probabilities: Array.from(probabilities.dataSync()),
    });
  }
  answers.push(faces);
}
process.stdout.write(JSON.stringify(answers));
