"""What Pillow makes of a rendered picture, as digests: python3 pillow-digests.py > pillow-digests.json (Pillow 9.4, numpy)."""
import hashlib, json, math
import numpy as np
from PIL import Image

KERNELS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def picture(width, height):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray((((x * x * 7 + y * y * 13 + x * y * 3 * (c + 1)) >> 5) & 255).astype(np.uint8))


def seen(image, size, fit, share, kernel):
    """torchvision's Resize and CenterCrop; timm's rounding of size / share."""
    w, h = image.size
    if fit == "squash":
        return image.resize((size, size), kernel)
    edge, short = math.floor(size / share), min(w, h)
    w, h = (edge if v == short else int(edge * v / short) for v in (w, h))
    left, top = int(round((w - size) / 2.0)), int(round((h - size) / 2.0))
    return image.resize((w, h), kernel).crop((left, top, left + size, top + size))


def with_alpha(image, alpha):
    if alpha == "gradient":
        band = Image.fromarray(np.tile((np.arange(image.width) * 255 // image.width).astype(np.uint8), (image.height, 1)))
    else:
        band = Image.new("L", image.size, alpha)
    image.putalpha(band)
    return image


rows = []
for width, height in [(768, 512), (341, 512), (100, 37), (301, 299), (1200, 900)]:
    for fit, share in [("crop", 1), ("crop", 0.875), ("squash", 1)]:
        for kernel in KERNELS:
            out = seen(picture(width, height), 224, fit, share, KERNELS[kernel])
            digest = hashlib.sha256(out.tobytes()).hexdigest()
            rows.append({"width": width, "height": height, "fit": fit, "cropShare": share, "kernel": kernel, "sha256": digest})
for width, height in [(768, 512), (301, 299), (100, 37)]:
    for alpha in [16, 64, 128, 200, "gradient"]:
        out = seen(with_alpha(picture(width, height), alpha), 224, "crop", 1, KERNELS["bicubic"]).convert("RGB")
        digest = hashlib.sha256(out.tobytes()).hexdigest()
        row = {"width": width, "height": height, "fit": "crop", "cropShare": 1, "kernel": "bicubic"}
        rows.append(row | {"alpha": alpha, "sha256": digest})
print("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]")
