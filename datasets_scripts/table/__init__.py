"""Your own conversations, from one CSV or JSON lines file, or from one file for each split.

Each row is an utterance, with the columns
    dialogue_id    name of the conversation; its rows are its utterances, in order
    text           the words; may be empty. Not needed where there are features or clips
    emotion        one label, from any set of labels. Empty: unlabelled, used only as context
and optionally
    utterance_id   name of the utterance in its conversation; otherwise utterances are numbered
    speaker        any name; it only matters whether two are equal. Empty cells are one speaker
    split          train, dev (or validation, valid, val) or test, if one file has several splits
    session        of the conversation, for cross-validation that leaves a session out
    start, end     seconds from the start of the recording, or a time such as 00:16:21,731
    media_path     the utterance's clip
    channel        the speaker's channel of the clip: left, right or a number from 0
and the features of a modality (text, visual, audio) in one of three forms:
    audio_*        one number per column, in the order of the columns. An empty cell takes the
                   training mean; if all are empty, the utterance lacks the modality
    audio_features JSON lines only: a list of numbers; null if the utterance lacks the modality
    audio_file     a .npy file with a vector (D,); empty if the utterance lacks the modality
Other columns are not read; a warning names them. `column_names` reads tables whose columns have
other names, and recognises MMSA's label.csv and lists of files with labels.

Files are UTF-8, or UTF-16 with its mark. The cells of a .csv or .tsv are separated by commas,
semicolons or tabs. In JSON lines (.jsonl) a row is an object; a missing key means the same as null
or an empty cell, and names may be whole numbers. Paths are relative to the table's folder and may
not lead out of it, unless the user opens them up (`MediaPaths`). `synctva check` lists the mistakes
in a table, and what is probably not meant (`findings`).

One file without a column split is split by conversation: a tenth, but at least one, is dev, a tenth
is test, and the rest is train. The choice depends on a seed and on the conversations' names, not on
the order of the rows. Adding or removing a conversation moves few others.
"""
