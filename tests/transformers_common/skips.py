"""The common tests that do not apply to our classes, and why. `test_skips.py` finds stale entries.

Tests that transformers itself skips, because hardware, packages or capabilities are missing, are
not listed here.
"""

import unittest
from collections.abc import Callable
from fnmatch import filter as matches

WRITTEN_FOR = "5.23.0"
"""The version of transformers; older ones lack some of the tests below."""

NO_TOKENS = "the model reads features: there are no token embeddings"
NOT_SEQUENCES = "for classifiers of whole inputs; this model labels every utterance"

MODEL = {
    "test_retain_grad_hidden_states_attentions": "the square forms are made from the packed ones, "
    "beside the computation; see test_packed_states_have_gradients in tests/modeling_synctva",
    "test_model_outputs_equivalence": "subtracts every output, and modality_mask is boolean; see "
    "test_a_tuple_has_the_fields_of_the_output in tests/modeling_synctva",
    "test_model_get_set_embeddings": NO_TOKENS,
    "test_resize_tokens_embeddings": NO_TOKENS,
    "test_inputs_embeds*": NO_TOKENS,
    # The following tests would pass without checking anything.
    "test_resize_embeddings_untied": NO_TOKENS,
    "test_resize_embeddings_untied_no_reinit_on_post_init": NO_TOKENS,
    "test_tied_weights_keys": "no weights are tied",
    "test_save_load_keys_to_ignore_on_save": "every weight is saved",
    "test_model_base_model_prefix": "for models that generate",
    "test_problem_types": NOT_SEQUENCES,
    "test_load_with_mismatched_shapes": NOT_SEQUENCES,
    "test_can_load_ignoring_mismatched_shapes": NOT_SEQUENCES,
    "test_get_*_features_*": "text, audio and video are encoded by the processor, not by the model",
}
"""Names or patterns of tests of `ModelTesterMixin`, with reasons."""

PROCESSOR = {
    "test_model_input_names": "passes text=, images=, ...; this processor reads conversations",
    "test_flat_kwarg_applied_when_modality_dict_lacks_it": "the processor has no text_kwargs",
    "test_call_arguments_not_in_processor_kwargs": "`device` is where the frozen encoders compute, "
    "not an option of image processing",
    "test_call_arguments_default_none": "`first_index` counts from 0",
}
"""The same for `ProcessorTesterMixin`."""


def fitting(case: type, pattern: str) -> list[str]:
    """Return the names of a test case's tests that match the pattern."""
    # `parameterized` replaces each test that it has expanded by None.
    return [name for name in matches(dir(case), pattern) if getattr(case, name) is not None]


def skip(reasons: dict[str, str]) -> Callable[[type], type]:
    """Return a class decorator that skips tests of a test case, each with its reason."""

    def decorate(case: type) -> type:
        for pattern, reason in reasons.items():
            for name in fitting(case, pattern):
                setattr(case, name, unittest.skip(reason)(getattr(case, name)))
        return case

    return decorate
