"""A program that reads ranges of a recording and prints its peak memory in MiB.

`python -m tests.support.media_memory PATH START ...` reads 5 s of sound and frames from each start
in s, then one frame per second of the whole recording.
"""

import sys

from benchmarks.peak_memory import peak_megabytes


def main():
    from synctva.audio.decoding import read_audio
    from synctva.video.decoding import read_frames

    path, *starts = sys.argv[1:]
    for start in map(float, starts):
        assert abs(read_audio(path, start, start + 5).duration - 5) < 0.01
        assert sum(1 for _ in read_frames(path, 5, start=start, end=start + 5)) == 25
    assert sum(1 for _ in read_frames(path, 1)) >= max(map(float, starts))
    print(peak_megabytes())


if __name__ == "__main__":
    main()
