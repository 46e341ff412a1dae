"""The peer of decode.mjs: the preprocessing of OpenAI's CLIP on Pillow. Parameters: FOLDER REPEATS pixels|tensor. One JSON object."""
import io, json, os, resource, sys
import torch
import torchvision.transforms as T
from PIL import Image

folder, repeats, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
steps = [T.Resize(224, interpolation=T.InterpolationMode.BICUBIC), T.CenterCrop(224), lambda image: image.convert("RGB")]
if what == "tensor":
    steps += [T.ToTensor(), T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))]
else:
    steps += [lambda image: image.tobytes()]
transform = T.Compose(steps)
files = [open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))]


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def once():
    for file in files:
        transform(Image.open(io.BytesIO(file)))


for _ in range(2):
    once()
before = cpu()
for _ in range(repeats):
    once()
print(json.dumps({"coreMs": (cpu() - before) * 1000 / repeats / len(files)}))
