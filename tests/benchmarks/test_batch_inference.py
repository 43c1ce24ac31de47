from benchmarks import batch_inference
from synctva.batch_inference import corpus_blocks, read_answers
from tests.synctva.test_batch_inference import toy_checkpoint


def test_plain_processes_share_the_blocks(tmp_path, monkeypatch):
    checkpoint = toy_checkpoint(tmp_path / "model")
    monkeypatch.setattr(batch_inference, "MODEL", checkpoint)
    corpus = batch_inference.write_corpus(tmp_path / "corpus", 50)
    output = tmp_path / "output"
    for worker in range(2):
        batch_inference.answer_share(str(corpus), str(output), worker, 2)
    blocks = corpus_blocks([corpus], batch_inference.BLOCK)
    assert len(blocks) == 3
    names = read_answers(output, blocks)["dialogue_id"].to_pylist()
    assert names == [str(number) for number in range(50)]
