"""BMP files of every kind and what Pillow sees in them: python3 bmp-fixtures.py > bmp-fixtures.json
Needs Pillow (13.0) and ImageMagick 6. Pillow and ImageMagick write some; what neither writes is put together here."""
import base64, io, json, struct, subprocess
from PIL import Image

WIDTH, HEIGHT = 21, 9
PICTURE = Image.new("RGB", (WIDTH, HEIGHT))
PICTURE.putdata([((x * 53 + y * 7) % 256, (x * 11 + y * 29) % 256, (x * y * 5) % 256) for y in range(HEIGHT) for x in range(WIDTH)])
files = {}


def pillow(name, image):
    out = io.BytesIO()
    image.save(out, "BMP")
    files[f"Pillow, {name}"] = out.getvalue()


def magick(name, *options, form="bmp3"):
    png = io.BytesIO()
    PICTURE.save(png, "PNG")
    run = subprocess.run(["convert", "png:-", *options, f"{form}:-"], input=png.getvalue(), capture_output=True, check=True)
    files[f"ImageMagick, {name}"] = run.stdout


def made(name, bits, pixels, *, compression=0, masks=b"", palette=b"", gap=b"", height=HEIGHT, header=40, used=0):
    offset = 14 + header + (len(masks) if header == 40 else 0) + len(palette) + len(gap)
    if header == 12:
        info = struct.pack("<IHHHH", 12, WIDTH, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(pixels), 2835, 2835, used, 0)
        info = (info + masks).ljust(header, b"\0") if header > 40 else info + masks
    body = info + palette + gap + pixels
    files[name] = struct.pack("<2sIII", b"BM", 14 + len(body), 0, offset) + body


def indices(colours):
    return [[(3 * x + 5 * y + x * y) % colours for x in range(WIDTH)] for y in range(HEIGHT)]


def palette(colours, filler=b"\0"):
    return b"".join(bytes([i * 40 % 256, i * 90 % 256, 255 - i]) + filler for i in range(colours))


def padded(row):
    return row + bytes(-len(row) % 4)


def packed(rows, bits):
    """Rows of numbers as bits, the last row first."""
    text = ["".join(f"{value:0{bits}b}" for value in row) for row in reversed(rows)]
    return b"".join(padded(bytes(int(line[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(line), 8))) for line in text)


def numbers(form, of):
    rows = [[of(*PICTURE.getpixel((x, y))) for x in range(WIDTH)] for y in reversed(range(HEIGHT))]
    return b"".join(padded(struct.pack(f"<{WIDTH}{form}", *row)) for row in rows)


pillow("24 bits", PICTURE)
pillow("32 bits with alpha", PICTURE.convert("RGBA"))
pillow("8 bits, grey", PICTURE.convert("L"))
pillow("8 bits, palette", PICTURE.quantize(200))
pillow("palette of 5 colours", PICTURE.quantize(5))
pillow("1 bit", PICTURE.convert("1"))
magick("8 bits", "-colors", "200", "-type", "palette", "-compress", "None")
magick("8 bits, RLE", "-colors", "200", "-type", "palette", "-compress", "RLE")
magick("4 bits", "-colors", "12", "-type", "palette")
magick("24 bits", "-type", "truecolor")
magick("version 2", "-colors", "30", "-type", "palette", form="bmp2")
magick("version 4", "-type", "truecolor", form="bmp")
magick("16 bits, 5-6-5", "-define", "bmp:subtype=RGB565", form="bmp")
magick("16 bits, 5-5-5", "-define", "bmp:subtype=RGB555", form="bmp")

for bits in (1, 4, 8):
    colours = 2**bits
    made(f"{bits} bits", bits, packed(indices(colours), bits), palette=palette(colours))
    made(f"{bits} bits of OS/2", bits, packed(indices(colours), bits), palette=palette(colours, b""), header=12)
made("8 bits, 7 colours", 8, packed(indices(7), 8), palette=palette(7), used=7)
made("8 bits with a gap before the pixels", 8, packed(indices(256), 8), palette=palette(256), gap=bytes(range(1, 38)))
plain = b"".join(padded(PICTURE.crop((0, y, WIDTH, y + 1)).tobytes("raw", "BGR")) for y in reversed(range(HEIGHT)))
made("24 bits with a gap before the pixels", 24, plain, gap=bytes(range(1, 14)))
made("24 bits, the first row first", 24, plain, height=-HEIGHT)
made("4 bits, the first row first", 4, packed(indices(16), 4), palette=palette(16), height=-HEIGHT)
made("24 bits, header of version 5", 24, plain, header=124)
rgb555 = numbers("H", lambda r, g, b: r >> 3 << 10 | g >> 3 << 5 | b >> 3)
rgb565 = numbers("H", lambda r, g, b: r >> 3 << 11 | g >> 2 << 5 | b >> 3)
made("16 bits", 16, rgb555)
made("16 bits with masks 5-5-5", 16, rgb555, compression=3, masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F))
made("16 bits with masks 5-6-5", 16, rgb565, compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
made("32 bits", 32, numbers("I", lambda r, g, b: 0x55 << 24 | r << 16 | g << 8 | b))
xbgr = numbers("I", lambda r, g, b: r << 24 | g << 16 | b << 8 | 0x33)
made("32 bits with masks", 32, xbgr, compression=3, masks=struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00))
fields = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)
abgr = numbers("I", lambda r, g, b: 0x99 << 24 | b << 16 | g << 8 | r)
made("32 bits with masks in a header of version 4", 32, abgr, compression=3, masks=fields, header=108)

# A run over the edge, literal pixels, a jump within the row and over rows, rows that end early, and the end.
rle8 = "1e03 0000 0005010203040500 0409 00020302 0206 0701 0000 0800 0000 1501 0000 0502 0000 0104 0000 0303 0000 0001"
made("8 bits, RLE with jumps", 8, bytes.fromhex(rle8), compression=1, palette=palette(256))
rle4 = "193a 0000 000512345000 049c 00020302 0871 0000 0312 0000 0521 0000 0144 0000 0233 0000 0155 0000 0001"
made("4 bits, RLE with jumps", 4, bytes.fromhex(rle4), compression=2, palette=palette(16))

base = lambda data: base64.b64encode(data).decode()
rows = []
for name, data in files.items():
    rgb = Image.open(io.BytesIO(data)).convert("RGB").tobytes()
    rows.append({"name": name, "bmp": base(data), "rgb": base(rgb)})
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
