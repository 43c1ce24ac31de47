"""Which common tests do not fit our classes, and why. `test_skips.py` finds stale entries.

Tests that transformers itself skips, for hardware, packages or abilities that are not there, give
its own reasons and are not listed.
"""

import unittest
from collections.abc import Callable
from fnmatch import filter as matches

WRITTEN_FOR = "5.23.0"
"""transformers' version; older ones do not have every test that is named here."""

NO_TOKENS = "features come in, not tokens: there are no token embeddings"
NOT_SEQUENCES = "checks classifiers of whole inputs; this one labels every utterance"

MODEL = {
    "test_attention_outputs": "attentions are (E, heads), one weight an edge, not square matrices",
    "test_model_outputs_equivalence": "subtracts every output, and modality_mask is boolean; see "
    "test_a_tuple_has_the_fields_of_the_output in tests/modeling_synctva",
    "test_model_get_set_embeddings": NO_TOKENS,
    "test_resize_tokens_embeddings": NO_TOKENS,
    # What follows would pass without having looked at anything.
    "test_resize_embeddings_untied": NO_TOKENS,
    "test_resize_embeddings_untied_no_reinit_on_post_init": NO_TOKENS,
    "test_tied_weights_keys": "no weights are tied",
    "test_save_load_keys_to_ignore_on_save": "every weight is saved",
    "test_model_base_model_prefix": "checks models that generate",
    "test_problem_types": NOT_SEQUENCES,
    "test_load_with_mismatched_shapes": NOT_SEQUENCES,
    "test_can_load_ignoring_mismatched_shapes": NOT_SEQUENCES,
    "test_get_*_features_*": "text, images, audio and video are encoded before the model, by the "
    "processor",
}
"""Names of `ModelTesterMixin`'s tests, or patterns, and reasons."""

PROCESSOR = {
    "test_model_input_names": "calls it with text=, images=, ...; ours reads conversations",
    "test_flat_kwarg_applied_when_modality_dict_lacks_it": "takes no text_kwargs and such",
    "test_call_arguments_not_in_processor_kwargs": "`device` is where the frozen encoders compute, "
    "not an option of image processing",
    "test_call_arguments_default_none": "`first_index` counts from 0",
}
"""The same for `ProcessorTesterMixin`."""


def fitting(case: type, pattern: str) -> list[str]:
    """Names of its tests that fit the pattern."""
    # `parameterized` leaves None behind in place of what it has expanded.
    return [name for name in matches(dir(case), pattern) if getattr(case, name) is not None]


def skip(reasons: dict[str, str]) -> Callable[[type], type]:
    """Class decorator: skip these tests of a test case, each with its reason."""

    def decorate(case: type) -> type:
        for pattern, reason in reasons.items():
            for name in fitting(case, pattern):
                setattr(case, name, unittest.skip(reason)(getattr(case, name)))
        return case

    return decorate
