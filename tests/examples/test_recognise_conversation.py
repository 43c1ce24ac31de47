from examples import recognise_conversation
from tests.support.media_conversations import wav


def test_the_table_has_a_row_per_utterance(capsys):
    recognise_conversation.main(recognise_conversation.CONVERSATION)
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["emotion", "score", "read", "from", "utterance"]
    assert [row.split()[:3] for row in rows] == [
        ["joy", "0.90", "text"],
        ["joy", "0.94", "text"],
        ["neutral", "0.44", "text"],
    ]
    assert rows[0].endswith("Ann: I got the job!")


def test_an_utterance_can_be_a_file(tmp_path, capsys):
    (tmp_path / "voice.wav").write_bytes(wav())
    recognise_conversation.main(["Ann: I got the job!", f"Bo: {tmp_path / 'voice.wav'}"])
    assert capsys.readouterr().out.splitlines()[2].split()[2] == "audio"
