from benchmarks import ray_scaling
from synctva.batch_inference import corpus_blocks, read_answers
from tests.synctva.test_batch_inference import toy_checkpoint


def test_plain_processes_share_the_blocks(tmp_path, monkeypatch):
    checkpoint = toy_checkpoint(tmp_path / "model")
    monkeypatch.setattr(ray_scaling, "MODEL", checkpoint)
    corpus = ray_scaling.write_corpus(tmp_path / "corpus", 50)
    output = tmp_path / "output"
    for worker in range(2):
        ray_scaling.answer_share(str(corpus), str(output), worker, 2)
    blocks = corpus_blocks([corpus], ray_scaling.BLOCK)
    assert len(blocks) == 3
    names = read_answers(output, blocks)["dialogue_id"].to_pylist()
    assert names == [str(number) for number in range(50)]
