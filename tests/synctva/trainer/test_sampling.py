from synctva.trainer.sampling import EpochSampler

LENGTHS = [3, 9, 1, 4, 7, 2, 8, 5, 6, 10, 12, 11] * 4


def test_the_order_depends_on_the_epoch_and_the_seed():
    for grouped in (False, True):
        sampler = EpochSampler(LENGTHS, step_size=4, seed=1, group_by_length=grouped)
        first = list(sampler)
        assert sorted(first) == list(range(len(LENGTHS)))
        assert list(sampler) == first
        sampler.set_epoch(1)
        assert list(sampler) != first
        assert list(EpochSampler(LENGTHS, 4, seed=2, group_by_length=grouped)) != first


def test_steps_are_grouped_by_length():
    def spread(grouped):
        order = list(EpochSampler(LENGTHS, step_size=4, group_by_length=grouped))
        steps = [[LENGTHS[i] for i in order[k : k + 4]] for k in range(0, len(order), 4)]
        return sum(max(step) - min(step) for step in steps)

    assert spread(True) < spread(False) / 2
