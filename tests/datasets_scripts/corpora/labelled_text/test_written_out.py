import pytest

from synctva.datasets_scripts.corpora.labelled_text.written_out import as_spoken


@pytest.mark.parametrize(
    ("tokens", "spoken"),
    [
        ("I am fine , thanks .", "I'm fine, thanks."),
        ("Yes , I am .", "Yes, I am."),  # not contracted at the end
        ("You can not go ! He cannot go !", "You can't go! He can't go!"),
        ("I will not , we will see", "I will not, we'll see"),
        ("Will not you ? I will not go", "Won't you? I won't go"),
        ("It is late . Who is there ?", "It's late. Who's there?"),
        ("They would go , let us see", "They'd go, let's see"),
        ("we have seen it , I have .", "we've seen it, I have."),
        ('He said " come in " , then left', 'He said "come in", then left'),
        ("ca n't you ( please ) ... go", "can't you (please)... go"),
        ("I do n't know . That 's it", "I don't know. That's it"),
        ("Is it ? ! 5 %", "Is it?! 5%"),
        ("Already fine, isn't it?", "Already fine, isn't it?"),
    ],
)
def test_text_in_tokens_becomes_as_spoken(tokens, spoken):
    assert as_spoken(tokens) == spoken
    assert as_spoken(spoken) == spoken  # nothing is left to undo
