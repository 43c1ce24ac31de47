"""The peak of a program's memory, and a program that reads ranges of a recording.

`python -m tests.support.media_memory PATH START ...`: for each start in s, 5 s of sound
and images; then all of its images, one a second. Prints the peak of its memory in MiB.
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
