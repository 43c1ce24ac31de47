"""Train on your own table of conversations, evaluate, save, and use the saved model.

    python examples/train_own_table.py examples/data/conversations.csv runs/own
    python examples/train_own_table.py examples/data/conversations.csv runs/own synctva-meld text

With the name of a checkpoint, training starts from it; modalities may follow. docs/data.md
describes the table. `synctva train --dataset table` does the same with more options.
"""

import sys

from transformers import pipeline, set_seed

from synctva import (
    MODALITIES,
    SyncTVATrainer,
    SyncTVATrainingArguments,
    load_table,
    prepare_training,
)
from synctva.calibration_fitting import TooLittleToCalibrateError


def main(table: str, output: str, parent: str | None = None, *modalities: str) -> None:
    set_seed(0)
    data, processor, model, arguments = prepare_training(
        load_table(table), parent, data_dir=table, modalities=modalities or MODALITIES
    )  # with config="meld-causal", a new model is one for examples/live_conversation.py
    trainer = SyncTVATrainer(
        model,
        SyncTVATrainingArguments(output_dir=output, **arguments),
        train_dataset=data["train"],
        eval_dataset=data["dev"],
        processing_class=processor,
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
