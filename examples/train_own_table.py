"""Train on your own table of conversations, evaluate, save, and use the saved model.

    python examples/train_own_table.py examples/data/conversations.csv runs/own

docs/data.md describes the table. `synctva train --dataset table` does the same with more options.
"""

import sys

from transformers import pipeline

from synctva import (
    SyncTVAForEmotionRecognition,
    SyncTVATrainer,
    SyncTVATrainingArguments,
    add_text_features,
    load_table,
)
from synctva.calibration_fitting import TooLittleToCalibrateError
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.trainer.recipes import RECIPES, build_config, build_processor


def main(table: str, output: str) -> None:
    data = add_text_features(load_table(table), TextEncoder.from_spec(MINILM_SPEC))
    config = build_config("meld", data)  # or "meld-causal", for examples/live_conversation.py
    trainer = SyncTVATrainer(
        SyncTVAForEmotionRecognition(config),
        SyncTVATrainingArguments(output_dir=output, **RECIPES["table"].training),
        train_dataset=data["train"],
        eval_dataset=data["dev"],
        processing_class=build_processor("table", data, config),
    )
    trainer.train()
    try:
        trainer.calibrate(data["dev"])  # so that a score is a probability
    except TooLittleToCalibrateError as error:
        print(f"Not calibrated: {error}")
    scores = trainer.score(data["test"])
    print(f"UAR {scores['uar']:.3f}, weighted F1 {scores['weighted_f1']:.3f}", end=" ")
    print(f"over {scores['n']} test utterances")
    trainer.save_model(output)

    for answer in pipeline("emotion-recognition", model=output)(["I knew it!", "So did I."]):
        print(f"{answer['label']} {answer['score']:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
