"""The peer of decode.mjs: CLIP's preprocessing on Pillow. Parameters: FOLDER REPEATS pixels|tensor. One JSON object."""
import io
import json
import pathlib
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "peers"))
from peers import pixels, square

folder, repeats, what = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
files = [file.read_bytes() for file in sorted(folder.iterdir())]


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def once():
    for file in files:
        if what == "tensor":
            pixels(io.BytesIO(file))
        else:
            square(io.BytesIO(file)).tobytes()


for _ in range(2):
    once()
before = cpu()
for _ in range(repeats):
    once()
print(json.dumps({"coreMs": (cpu() - before) * 1000 / repeats / len(files)}))
