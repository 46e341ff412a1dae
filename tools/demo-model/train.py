"""Trains the demo model on rendered scenes and writes it as a Hugging Face folder with ONNX towers.

    /usr/bin/python3 train.py DATA_FOLDER MODEL_FOLDER

Needs torch 1.13, onnx and numpy as Debian packages them (python3-torch, python3-onnx, python3-numpy), no network and no
weights of anyone else. The same data, torch build, CPU kind and THREADS give the same bytes: every random choice comes
from SEED, and the number of threads fixes the order in which floats are summed.
"""

import json
import math
import random
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 7
THREADS = 2
EPOCHS = 16
BATCH = 128
CAPTIONS_PER_IMAGE = 2
LEARNING_RATE = 2e-3
# The product compares with a softmax over 100 x cosine, as CLIP does, so training ends at that scale.
FIRST_SCALE, LAST_SCALE = 20.0, 100.0
IMAGE_SCALE = 20.0

DIMENSIONS = 128
TEXT_WIDTH = 96
TEXT_LAYERS = 2
TEXT_HEADS = 4
CONTEXT = 32
SIDE = 112

# CLIP's statistics (openai/CLIP, clip/clip.py): the demo model takes the same input as CLIP.
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]

UNKNOWN, START, END = 0, 1, 2
SPECIAL = ["<|unknown|>", "<|startoftext|>", "<|endoftext|>"]

TIMES = ["dawn", "day", "dusk", "night"]
SPACES = ["indoor", "outdoor"]


# ---------------------------------------------------------------- towers


class Linear(nn.Linear):
    """A linear layer over the last axis, trained as a convolution of width 1.

    Debian's torch multiplies matrices with whatever BLAS is installed, often the reference one, but convolves with
    oneDNN: the text tower trains 10 times faster this way. The exported graph has plain matrix products.
    """

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            return super().forward(x)
        if x.dim() == 2:
            return F.conv2d(x[:, :, None, None], self.weight[:, :, None, None], self.bias).flatten(1)
        return F.conv1d(x.transpose(1, 2), self.weight[:, :, None], self.bias).transpose(1, 2)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(x + self.norm(self.conv(x)))


def down(inner, outer):
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()
    )


class VisionTower(nn.Module):
    """[batch, 3, 112, 112] -> [batch, DIMENSIONS]: strided convolutions, then mean and maximum over what remains."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            down(3, 24),  # 56
            down(24, 48),  # 28
            down(48, 64),  # 14
            Residual(64),
            down(64, 128),  # 7
            Residual(128),
        )
        # Where something is matters (a low sun, a moon above): a learned weight per place, beside mean and maximum.
        self.place = nn.Conv2d(128, 128, 7, groups=128, bias=False)
        self.head = nn.Sequential(Linear(3 * 128, 192), nn.ReLU(), Linear(192, DIMENSIONS))
        nn.init.normal_(self.place.weight, std=1 / 49)

    def forward(self, x):
        x = self.body(x)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3)), self.place(x).flatten(1)], 1)
        return self.head(pooled)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = Linear(width, 3 * width)
        self.out = Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(Linear(width, 4 * width), nn.GELU(), Linear(4 * width, width))

    def forward(self, x, bias):
        b, t, w = x.shape
        depth = self.qkv.in_features // self.heads
        qkv = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, depth).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        attention = (q @ k.transpose(-2, -1) * depth**-0.5 + bias).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(b, t, w))
        return x + self.mlp(self.norm2(x))


class TextTower(nn.Module):
    """[batch, sequence] token ids -> [batch, DIMENSIONS]. What follows the first end token is padding, as with CLIP."""

    def __init__(self, words):
        super().__init__()
        self.token = nn.Embedding(words, TEXT_WIDTH)
        self.position = nn.Parameter(torch.randn(CONTEXT, TEXT_WIDTH) * 0.02)
        self.blocks = nn.ModuleList([Block(TEXT_WIDTH, TEXT_HEADS) for _ in range(TEXT_LAYERS)])
        self.norm = nn.LayerNorm(TEXT_WIDTH)
        self.head = Linear(TEXT_WIDTH, DIMENSIONS)
        nn.init.normal_(self.token.weight, std=0.1)

    def forward(self, ids):
        ends = (ids == END).long()
        live = ((ends.cumsum(1) - ends) == 0).float()
        x = self.token(ids) + self.position[: ids.shape[1]]
        bias = ((1 - live) * -1e4)[:, None, None, :]
        for block in self.blocks:
            x = block(x, bias)
        x = self.norm(x) * live[:, :, None]
        return self.head(x.sum(1) / live.sum(1, keepdim=True))


class ExportedVision(nn.Module):
    """The tower behind the product's input: [batch, 3, 224, 224], halved first."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, pixel_values):
        return self.tower(F.avg_pool2d(pixel_values, 2))


# ---------------------------------------------------------------- data


def words_of(text):
    return re.sub("[^a-z]+", " ", text.lower()).split()


def prompts():
    """Captions that every batch sees, with what each states: the zero-shot prompts and every kind by its name."""
    kinds = "house tree boat mountain dog cat car flower moon balloon lighthouse bird chair cup lamp table".split()
    return (
        [(f"A photo taken at {x}", [f"time:{x}"]) for x in TIMES]
        + [(f"A photo taken {x}", [f"space:{x}"]) for x in SPACES]
        + [(f"a photo of a {x}", [f"kind:{x}"]) for x in kinds]
    )


class Scenes:
    def __init__(self, folder):
        lines = [json.loads(line) for line in open(Path(folder) / "scenes.jsonl")]
        pixels = np.fromfile(Path(folder) / "images.u8", dtype=np.uint8).reshape(-1, SIDE, SIDE, 3)
        assert len(lines) == len(pixels), "images.u8 and scenes.jsonl must describe the same scenes"
        self.images = torch.from_numpy(pixels)
        self.texts = [[caption["text"] for caption in line["captions"]] for line in lines]
        words = {w for line in self.texts for text in line for w in words_of(text)}
        words |= {w for text, _ in prompts() for w in words_of(text)}
        self.vocabulary = SPECIAL + sorted(words)
        self.word_ids = {word: i for i, word in enumerate(self.vocabulary)}
        names = sorted({atom for line in lines for atom in line["atoms"]})
        self.atom_ids = {name: i for i, name in enumerate(names)}
        self.truth = torch.stack([self.atoms(line["atoms"]) for line in lines])
        self.stated = [[[self.atom_ids[a] for a in c["atoms"]] for c in line["captions"]] for line in lines]
        mains = [next(a for a in line["atoms"] if a.startswith("main:")) for line in lines]
        self.mains = torch.tensor([self.atom_ids[a] for a in mains])
        self.prompts = [self.tokens(text) for text, _ in prompts()]
        self.prompt_atoms = torch.stack([self.atoms(atoms) for _, atoms in prompts()])

    def __len__(self):
        return len(self.images)

    def atoms(self, names):
        return self.hot([self.atom_ids[name] for name in names])

    def hot(self, ids):
        row = torch.zeros(len(self.atom_ids))
        row[ids] = 1
        return row

    def tokens(self, text):
        return [START] + [self.word_ids.get(w, UNKNOWN) for w in words_of(text)][: CONTEXT - 2] + [END]


def blurred_words(tokens, rng):
    """Now and then an unknown word stands among the known ones, so that a query may contain words never seen."""
    if rng.random() < 0.15:
        at = rng.randrange(1, len(tokens))
        tokens = tokens[:at] + [UNKNOWN] + tokens[at:]
    return tokens[: CONTEXT - 1] + [END] if len(tokens) > CONTEXT else tokens


def padded(rows):
    out = torch.full((len(rows), max(map(len, rows))), END)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row)
    return out


def normalised(images):
    x = images.permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def augmented(images):
    """Small shifts, zooms and mirrorings, brightness, contrast, colour casts, softness and noise."""
    n = len(images)
    x = normalised(images)
    zoom = 1 + (torch.rand(n) - 0.5) * 0.2
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = zoom * mirror
    theta[:, 1, 1] = zoom
    theta[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.16
    x = F.grid_sample(x, F.affine_grid(theta, list(x.shape), False), padding_mode="border", align_corners=False)
    soft = torch.rand(n) < 0.2
    x[soft] = F.avg_pool2d(F.pad(x[soft], (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    x = x * (1 + (torch.rand(n, 1, 1, 1) - 0.5) * 0.2) + (torch.rand(n, 3, 1, 1) - 0.5) * 0.16
    return x + torch.randn_like(x) * 0.03


# ---------------------------------------------------------------- loss


def contrast(logits, positive, allowed=None):
    """InfoNCE with many positives: each one competes with the row's negatives, never with another positive.

    Two scenes may both be "a boat at night"; neither is wrong for the other's caption.
    """
    allowed = torch.ones_like(positive) if allowed is None else allowed
    negative = (1 - positive) * allowed
    rest = (logits + torch.log(negative.clamp_min(1e-12))).logsumexp(1, keepdim=True)
    loss = F.softplus(rest - logits) * positive * allowed
    per_row = loss.sum(1) / (positive * allowed).sum(1).clamp_min(1)
    rows = ((positive * allowed).sum(1) > 0).float()
    return (per_row * rows).sum() / rows.sum().clamp_min(1)


def losses(images, texts, stated, truth, mains, scale):
    image = F.normalize(images, dim=1)
    text = F.normalize(texts, dim=1)
    positive = ((stated @ truth.T) >= stated.sum(1, keepdim=True) - 0.5).float()
    logits = scale * text @ image.T
    to_image = contrast(logits, positive)
    to_text = contrast(logits.T, positive.T)
    zero_shot = 0.0
    for first, count in ((0, len(TIMES)), (len(TIMES), len(SPACES))):
        zero_shot = zero_shot + F.cross_entropy(logits[first : first + count].T, positive[first : first + count].argmax(0))
    same = (mains[:, None] == mains[None, :]).float()
    others = 1 - torch.eye(len(mains))
    to_kin = contrast(IMAGE_SCALE * image @ image.T, same, others)
    return to_image + to_text + 0.5 * zero_shot + 0.5 * to_kin, (to_image, to_text, zero_shot, to_kin)


# ---------------------------------------------------------------- training


def train(scenes):
    rng = random.Random(SEED)
    torch.manual_seed(SEED)
    vision, text = VisionTower(), TextTower(len(scenes.vocabulary))
    parameters = [*vision.parameters(), *text.parameters()]
    print(f"parameters: vision {sum(p.numel() for p in vision.parameters())}, text {sum(p.numel() for p in text.parameters())}")
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.02)
    steps = EPOCHS * (len(scenes) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * min(1, step / steps)))
    )
    step, begun = 0, time.time()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(scenes))
        sums = np.zeros(4)
        for at in range(0, len(scenes) - BATCH + 1, BATCH):
            picked = order[at : at + BATCH]
            rows, stated = list(scenes.prompts), []
            for i in picked.tolist():
                for which in rng.sample(range(len(scenes.texts[i])), CAPTIONS_PER_IMAGE):
                    rows.append(blurred_words(scenes.tokens(scenes.texts[i][which]), rng))
                    stated.append(scenes.hot(scenes.stated[i][which]))
            stated = torch.cat([scenes.prompt_atoms, torch.stack(stated)])
            scale = FIRST_SCALE * (LAST_SCALE / FIRST_SCALE) ** min(1, step / (0.6 * steps))
            loss, parts = losses(
                vision(augmented(scenes.images[picked])),
                text(padded(rows)),
                stated,
                scenes.truth[picked],
                scenes.mains[picked],
                scale,
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
            schedule.step()
            sums += [float(p) for p in parts]
            step += 1
        named = zip(("text->image", "image->text", "zero-shot", "kin"), sums / (len(scenes) // BATCH))
        print(f"epoch {epoch + 1}/{EPOCHS} {time.time() - begun:.0f} s", *(f"{n} {v:.3f}" for n, v in named), flush=True)
    return vision.eval(), text.eval()


# ---------------------------------------------------------------- files


def export(vision, text, vocabulary, folder):
    folder = Path(folder)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        ExportedVision(vision).eval(),
        torch.zeros(2, 3, 224, 224),
        str(folder / "onnx" / "vision_model.onnx"),
        input_names=["pixel_values"],
        output_names=["image_embeds"],
        dynamic_axes={"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}},
        opset_version=14,
    )
    torch.onnx.export(
        text,
        torch.full((2, 7), END),
        str(folder / "onnx" / "text_model.onnx"),
        input_names=["input_ids"],
        output_names=["text_embeds"],
        dynamic_axes={"input_ids": {0: "batch", 1: "sequence"}, "text_embeds": {0: "batch"}},
        opset_version=14,
    )
    special = [
        {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, token in enumerate(SPECIAL)
    ]
    template = [{"SpecialToken": {"id": SPECIAL[START], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    template += [{"SpecialToken": {"id": SPECIAL[END], "type_id": 0}}]
    write(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "NFD"},
                    {"type": "StripAccents"},
                    {"type": "Lowercase"},
                    {"type": "Replace", "pattern": {"Regex": "[^a-z]+"}, "content": " "},
                ],
            },
            "pre_tokenizer": {"type": "WhitespaceSplit"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": template,
                "pair": template,
                "special_tokens": {
                    SPECIAL[i]: {"id": SPECIAL[i], "ids": [i], "tokens": [SPECIAL[i]]} for i in (START, END)
                },
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {
                "type": "WordPiece",
                "unk_token": SPECIAL[UNKNOWN],
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {word: i for i, word in enumerate(vocabulary)},
            },
        },
    )
    write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[START],
            "eos_token": SPECIAL[END],
            "pad_token": SPECIAL[END],
            "unk_token": SPECIAL[UNKNOWN],
            "do_lower_case": True,
            "model_max_length": CONTEXT,
            "clean_up_tokenization_spaces": True,
        },
    )
    write(
        folder / "config.json",
        {
            "_name_or_path": "unsplash-clip/demo",
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": DIMENSIONS,
            "logit_scale_init_value": math.log(LAST_SCALE),
            "text_config": {
                "model_type": "clip_text_model",
                "vocab_size": len(vocabulary),
                "hidden_size": TEXT_WIDTH,
                "intermediate_size": 4 * TEXT_WIDTH,
                "num_hidden_layers": TEXT_LAYERS,
                "num_attention_heads": TEXT_HEADS,
                "max_position_embeddings": CONTEXT,
                "projection_dim": DIMENSIONS,
                "bos_token_id": START,
                "eos_token_id": END,
                "pad_token_id": END,
            },
            "vision_config": {
                "model_type": "clip_vision_model",
                "image_size": 224,
                "num_channels": 3,
                "projection_dim": DIMENSIONS,
            },
        },
    )
    write(
        folder / "preprocessor_config.json",
        {
            "crop_size": {"height": 224, "width": 224},
            "do_center_crop": True,
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": MEAN,
            "image_processor_type": "CLIPImageProcessor",
            "image_std": STD,
            "resample": 3,
            "rescale_factor": 1 / 255,
            "size": {"shortest_edge": 224},
        },
    )


def write(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def main():
    if len(sys.argv) != 3:
        sys.exit("Expected two folders: train.py DATA_FOLDER MODEL_FOLDER")
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    scenes = Scenes(sys.argv[1])
    print(f"{len(scenes)} scenes, {len(scenes.vocabulary)} tokens, {len(scenes.atom_ids)} atoms")
    vision, text = train(scenes)
    export(vision, text, scenes.vocabulary, sys.argv[2])


if __name__ == "__main__":
    main()
