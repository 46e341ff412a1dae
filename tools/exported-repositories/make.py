#!/usr/bin/env python3
"""Repositories as a hub has them: the files that real libraries write of models with random weights.

usage: make.py OUT [--full] [NAME ...]      writes OUT/NAME/, default: every NAME; --full: the sizes of published models

Beside the repositories, OUT/pictures has the pictures, and OUT/NAME.expected.json what the library gives for them and for
TEXTS, each with its own preprocessing, tokenizer and checkpoint: unit embeddings in float32. README.md names the
environment.
"""
import argparse
import gzip
import io
import json
import math
import pathlib
import random
import shutil
import string
import sys
import tempfile

import numpy
import onnx
import torch
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BitImageProcessor, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast, PreTrainedTokenizerFast, SiglipImageProcessor
from transformers.models.clip.tokenization_clip import bytes_to_unicode

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "exported-miniatures"))
import make  # noqa: E402

TEXTS = ["a dog", "Two RED cars, at night!", "schöne Berge im Nebel", "a photo of a cat, taken on a rainy day in the old town of Lisbon"]
CLIP_PIXELS = dict(mean=[0.48145466, 0.4578275, 0.40821073], std=[0.26862954, 0.26130258, 0.27577711])
FULL = False


def pictures():
    """Waves of colour with some noise, wide, tall and nearly square, as JPEG files."""
    drawn = []
    generator = numpy.random.default_rng(3)
    for seed, (width, height) in enumerate([(131, 90), (72, 113), (64, 61)] if not FULL else [(1310, 900), (720, 1130), (640, 610)]):
        y, x = numpy.mgrid[0:height, 0:width] / min(width, height)
        channels = [numpy.sin(x * (3 + 2 * c + seed) + y * (5 - c) + c) * 100 + 128 for c in range(3)]
        noise = generator.integers(-12, 12, (height // 4 + 1, width // 4 + 1, 3)).repeat(4, 0).repeat(4, 1)[:height, :width]
        file = io.BytesIO()
        Image.fromarray((numpy.stack(channels, -1) + noise).clip(0, 255).astype(numpy.uint8)).save(file, "JPEG", quality=92)
        drawn.append(file.getvalue())
    return drawn


def unit(rows):
    rows = rows.detach().double()
    return (rows / rows.norm(dim=-1, keepdim=True)).numpy().round(7).tolist()


class Repository:
    def __init__(self, root, name, about):
        self.root, self.name, self.path, self.about = root, name, root / name, about
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)

    def file(self, name):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def write(self, name, content):
        pathlib.Path(self.file(name)).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def read(self, name):
        return json.loads((self.path / name).read_text())

    def finish(self, image, text=None, **facts):
        """@param image embeds a picture, [1, dimension] @param text embeds a text"""
        with torch.no_grad():
            images = [unit(image(Image.open(io.BytesIO(each))))[0] for each in pictures()]
            texts = None if text is None else [unit(text(each))[0] for each in TEXTS]
        dimension = len(images[0])
        expected = dict(about=self.about, dimension=dimension, images=images, **({} if texts is None else dict(texts=texts)), **facts)
        (self.root / f"{self.name}.expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")
        total = sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        print(f"{self.name}: {total:,} bytes, {dimension} numbers", flush=True)


def spread(model, is_wide=False):
    """@param is_wide whether the library's initial weights are large already"""
    if FULL or is_wide:
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() <= 1:
                    parameter.add_(torch.randn_like(parameter) * 0.02)
        return model.eval()
    return make.spread(model)


def sizes(hidden, layers, heads):
    return dict(hidden_size=hidden, intermediate_size=(4 if FULL else 2) * hidden, num_hidden_layers=layers, num_attention_heads=heads)


def side(full):
    return full if FULL else 32


# Tokenizers -----------------------------------------------------------------------------------------------------------


def clip_tokenizer(folder, context=77, pad=None):
    """The class of CLIP; in small the bytes alone, without merges."""
    merges = clip_merges() if FULL else []
    characters = list(bytes_to_unicode().values())
    words = [*characters, *(each + "</w>" for each in characters), *("".join(each.split()) for each in merges), "<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as temporary:
        vocab, merged = pathlib.Path(temporary, "vocab.json"), pathlib.Path(temporary, "merges.txt")
        vocab.write_text(json.dumps({word: index for index, word in enumerate(words)}))
        merged.write_text("\n".join(["#version: 0.2", *merges]) + "\n")
        found = CLIPTokenizerFast(str(vocab), str(merged), model_max_length=context, **({} if pad is None else dict(pad_token=pad)))
    found.save_pretrained(folder)
    for name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
        pathlib.Path(folder, name).unlink(missing_ok=True)
    return found


PIECES = ["▁", *"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *"0123456789", *"äöüß.,!?'-:;", "▁a", "▁dog", "▁cat", "▁photo", "▁of", "▁the", "ing", "er", "in", "on", "ch", "sch"]


def save(tokenizer, folder, name, context, **tokens):
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=context, **tokens)
    wrapped.save_pretrained(folder)
    config = pathlib.Path(folder, "tokenizer_config.json")
    config.write_text(json.dumps({**json.loads(config.read_text()), "tokenizer_class": name}, indent=1) + "\n")
    pathlib.Path(folder, "special_tokens_map.json").unlink(missing_ok=True)
    return wrapped


def clip_merges():
    """CLIP's merges of byte pairs, from open_clip's package."""
    import open_clip
    vocabulary = pathlib.Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    return gzip.open(vocabulary, "rt", encoding="utf-8").read().split("\n")[1:48_895]


def pieces_of(size):
    """Pieces of words: few in small. In full size `size` of them: CLIP's, then words of syllables."""
    if not FULL:
        return PIECES
    merged = ("".join(merge.split()) for merge in clip_merges())
    words = [f"▁{word[:-4]}" if word.endswith("</w>") else word for word in merged if word.removesuffix("</w>").isascii()]
    found = dict.fromkeys([*PIECES, *words])
    generator = random.Random(5)
    while len(found) < size:
        syllables = (generator.choice("bdfghklmnprstvz") + generator.choice("aeiouy") for _ in range(generator.randint(2, 4)))
        found["▁" * generator.randint(0, 1) + "".join(syllables)] = None
    return list(found)[:size]


def unigram(special, template, ids, size):
    """A unigram model of SentencePiece in the format of the library tokenizers. @param size pieces in full size"""
    rare = (lambda index: math.log(1 + index)) if FULL else (lambda index: index / 100)
    pieces = [(token, 0.0) for token in special]
    pieces += [(piece, -2.0 - rare(index) - (0 if len(piece) > 1 else 3)) for index, piece in enumerate(pieces_of(size - len(special)))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=special.index("<unk>")))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=[(token, ids[token]) for token in ids])
    return tokenizer


def siglip_tokenizer(folder, context):
    special = ["<pad>", "</s>", "<unk>"]
    return save(unigram(special, "$A </s>", {"</s>": 1}, 32_000), folder, "SiglipTokenizer", context, eos_token="</s>", pad_token="</s>", unk_token="<unk>")


def xlm_tokenizer(folder, context):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    return save(unigram(special, "<s> $A </s>", {"<s>": 0, "</s>": 2}, 250_002), folder, "XLMRobertaTokenizer", context, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def prefix_merges(tokens, size):
    """Merges that build words letter by letter, until there are `size` tokens."""
    known, merges, letters = set(tokens), [], set(tokens)
    for word in pieces_of(size):
        if not letters.issuperset(word):
            continue
        for end in range(2, len(word) + 1):
            if word[:end] not in known and len(known) < size:
                known.add(word[:end])
                merges.append((word[: end - 1], word[end - 1]))
    return merges


def gemma_tokenizer(folder, context):
    """Byte pairs of characters with spaces as ▁, as Gemma has them; the file of SigLIP 2 does not lower-case."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokens = [*special, *dict.fromkeys("".join(PIECES))]
    merges = prefix_merges(tokens, 256_000) if FULL else []
    vocabulary = {token: index for index, token in enumerate([*tokens, *("".join(merge) for merge in merges)])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    return save(tokenizer, folder, "GemmaTokenizer", context, eos_token="<eos>", bos_token="<bos>", pad_token="<pad>", unk_token="<unk>")


# Repositories ---------------------------------------------------------------------------------------------------------


def clip_model(vocabulary, patch, full=None):
    """@param full configuration of a published model: text, vision, width; default: CLIP ViT-B/32"""
    if FULL:
        text, vision, width = full or ({}, dict(patch_size=32), 512)
    else:
        text = dict(vocab_size=vocabulary, max_position_embeddings=77, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1, projection_dim=16, **sizes(32, 2, 2))
        vision, width = dict(image_size=32, patch_size=patch, projection_dim=16, **sizes(32, 2, 2)), 16
    return spread(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=width)))


def clip_processor(edge, **options):
    return CLIPImageProcessor(size=dict(shortest_edge=edge), crop_size=dict(height=edge, width=edge), **options)


def clip_ways(model, processor, tokenizer):
    image = lambda picture: model.get_image_features(**processor(picture, return_tensors="pt"))
    text = lambda words: model.get_text_features(**tokenizer(words, truncation=True, return_tensors="pt"))
    return image, text


def clip(root, name="clip", full=None):
    """Towers as the hub has them for transformers.js; the weights beside them, for the scale of labels."""
    repository = Repository(root, name, "CLIP, optimum-onnx, two towers in onnx/")
    tokenizer, processor = clip_tokenizer(repository.path), clip_processor(side(224))
    processor.save_pretrained(repository.path)
    model = clip_model(len(tokenizer), 8, full)
    with torch.no_grad():
        model.logit_scale.fill_(4.6)
    model.save_pretrained(repository.path)
    from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection
    vision = CLIPVisionModelWithProjection.from_pretrained(repository.path).eval()
    text = CLIPTextModelWithProjection.from_pretrained(repository.path).eval()
    make.optimum_export(vision, "vision", repository.file("onnx/vision_model.onnx"), 17)
    make.optimum_export(text, "text", repository.file("onnx/text_model.onnx"), 17)
    for kind in ("vision", "text"):
        make.quantise(repository.file(f"onnx/{kind}_model.onnx"), repository.file(f"onnx/{kind}_model_quantized.onnx"))
    repository.finish(*clip_ways(model, processor, tokenizer), logitScale=float(model.logit_scale.exp()))


def clip_merged(root):
    """What `optimum-cli export onnx` writes: one file with both towers."""
    from optimum.exporters.onnx import main_export
    repository = Repository(root, "clip-merged", "CLIP, optimum-cli export onnx, one file with both towers")
    with tempfile.TemporaryDirectory() as checkpoint:
        tokenizer, processor = clip_tokenizer(checkpoint), clip_processor(side(224))
        processor.save_pretrained(checkpoint)
        model = clip_model(len(tokenizer), 8)
        model.save_pretrained(checkpoint)
        main_export(checkpoint, output=str(repository.path), task="zero-shot-image-classification", do_validation=False, no_post_process=True)
    repository.finish(*clip_ways(model, processor, tokenizer))


def siglip_like(root, name, about, tokenizer_of, resample, clean, pad, vocabulary, edge=224, patch=16):
    from transformers import SiglipConfig, SiglipModel
    repository = Repository(root, name, about)
    context = 64 if FULL else 16
    tokenizer = tokenizer_of(repository.path, context)
    processor = SiglipImageProcessor(size=dict(height=side(edge), width=side(edge)), resample=resample)
    processor.save_pretrained(repository.path)
    vision, text = (dict(image_size=edge, patch_size=patch), dict(vocab_size=vocabulary)) if FULL else (
        dict(image_size=32, patch_size=8, **sizes(32, 2, 2)),
        dict(vocab_size=len(tokenizer), max_position_embeddings=context, projection_size=32, **sizes(32, 2, 2)),
    )
    model = SiglipModel(SiglipConfig(text_config={**text, "pad_token_id": pad, "bos_token_id": None, "eos_token_id": 1}, vision_config=vision))
    model = spread(model, is_wide=True)
    model.config.save_pretrained(repository.path)
    vision, text = make.ImageTower(model.vision_model, "pooler_output"), make.TextTower(model.text_model, "pooler_output")
    square = torch.zeros(2, 3, side(edge), side(edge))
    words = torch.full((2, context), pad)
    make.export(vision, (square,), repository.file("onnx/vision_model.onnx"), ["pixel_values"], "pooler_output", 17)
    make.export(text, (words,), repository.file("onnx/text_model.onnx"), ["input_ids"], "pooler_output", 17, padded=True)
    image = lambda picture: model.get_image_features(**processor(picture, return_tensors="pt"))
    encode = lambda words: tokenizer(clean(words), padding="max_length", max_length=context, truncation=True, return_tensors="pt").input_ids
    repository.finish(image, lambda words: model.get_text_features(input_ids=encode(words)))


def siglip(root, name="siglip", **sizes):
    canonical = lambda words: " ".join(words.lower().translate(str.maketrans("", "", string.punctuation)).split())
    siglip_like(root, name, "SigLIP, towers for transformers.js", siglip_tokenizer, 3, canonical, 1, 32_000, **sizes)


def siglip2(root, name="siglip2", **sizes):
    """A fixed size: model_type siglip with Gemma's tokenizer, lower-cased in training."""
    siglip_like(root, name, "SigLIP 2 of a fixed size, towers for transformers.js", gemma_tokenizer, 2, str.lower, 0, 256_000, **sizes)


def mobileclip(root, name="mobileclip", full="MobileCLIP2-S0"):
    """FastViT of timm and a text tower of open_clip in which all tokens see each other; pixels from 0 to 1."""
    repository = Repository(root, name, "MobileCLIP, towers for transformers.js")
    tokenizer = clip_tokenizer(repository.path, pad="!")
    if FULL:
        import open_clip
        from timm.utils import reparameterize_model
        model = spread(open_clip.create_model(full))
        vary_norms(model)
        vision, edge = reparameterize_model(model.visual.eval()), 256
        text = make.Call(model, lambda of, words: of.encode_text(words))
    else:
        make.CONTEXT, make.VOCABULARY = 77, {str(index): index for index in range(len(tokenizer))}
        vision, text = make.mobileclip_towers()
        edge = 64
        # Initial weights give all pictures nearly the same embedding.
        with torch.no_grad():
            for parameter in vision.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(3)
    processor = clip_processor(edge, do_normalize=False, resample=2)
    processor.save_pretrained(repository.path)
    repository.write("config.json", dict(model_type="clip", architectures=["CLIPModel"], projection_dim=512 if FULL else 16, text_config=dict(model_type="clip_text_model", max_position_embeddings=77)))
    square = torch.zeros(2, 3, edge, edge)
    encode = lambda words: tokenizer(words, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    make.export(vision, (square,), repository.file("onnx/vision_model.onnx"), ["pixel_values"], "image_embeds", 17)
    make.export(text, (encode("a dog"),), repository.file("onnx/text_model.onnx"), ["input_ids"], "text_embeds", 18, dynamo=True, batch=None, external_data=False)
    repository.finish(lambda picture: vision(processor(picture, return_tensors="pt").pixel_values), lambda words: text(encode(words)))


def vary_norms(model):
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)


def open_clip_vit(root, name="open-clip", full="ViT-B-32"):
    """visual/ and textual/ with open_clip's config and preprocess_cfg, as Immich's repositories have them."""
    import dataclasses
    import open_clip
    repository = Repository(root, name, f"open_clip {full}, visual/ and textual/")
    pathlib.Path(repository.file("textual/x")).parent.mkdir(exist_ok=True)
    config = json.loads((pathlib.Path(open_clip.__file__).parent / "model_configs" / f"{full}.json").read_text())
    if not FULL:
        config = dict(
            embed_dim=16, vision_cfg=dict(image_size=32, layers=2, width=32, patch_size=8, head_width=16, mlp_ratio=2.0),
            text_cfg=dict(context_length=77, vocab_size=514, width=32, heads=2, layers=2),
        )
    repository.write("config.json", config)
    is_multilingual = "hf_model_name" in config["text_cfg"]
    model = spread(xlm_clip(config) if is_multilingual else open_clip.CLIP(**config))
    edge = config["vision_cfg"]["image_size"]
    preprocessing = open_clip.transform.PreprocessCfg(size=edge)
    repository.write("visual/preprocess_cfg.json", dataclasses.asdict(preprocessing))
    preprocess = open_clip.transform.image_transform_v2(preprocessing, is_train=False)
    visual = make.Call(model, lambda of, images: of.encode_image(images, normalize=True))
    textual = make.Call(model, lambda of, words: of.encode_text(words, normalize=True))
    tokenizer = (xlm_tokenizer if is_multilingual else clip_tokenizer)(repository.path / "textual", 77)

    def encode(words):
        """open_clip's own tokenizer pads with 0, that of XLM-R with 1."""
        ids = tokenizer(words, truncation=True, max_length=77).input_ids
        return torch.tensor([ids + [1 if is_multilingual else 0] * (77 - len(ids))])

    options = dict(dynamo=True, batch=None, external_data=False)
    make.export(visual, (torch.zeros(1, 3, edge, edge),), repository.file("visual/model.onnx"), ["image"], "image_embedding", 18, **options)
    make.export(textual, (encode("a dog").int(),), repository.file("textual/model.onnx"), ["text"], "text_embedding", 18, **options)
    repository.finish(lambda picture: visual(preprocess(picture)[None]), lambda words: textual(encode(words).int()))


def xlm_clip(config):
    """open_clip's model with a text tower of transformers, XLM-R base, without the hub."""
    import open_clip
    from transformers import XLMRobertaConfig
    with tempfile.TemporaryDirectory() as folder:
        XLMRobertaConfig(vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5).save_pretrained(folder)
        text = {**config["text_cfg"], "hf_model_name": folder, "hf_model_pretrained": False}
        return open_clip.CustomTextCLIP(config["embed_dim"], config["vision_cfg"], text)


class JinaClip(torch.nn.Module):
    """The outputs of jina-clip's export: a text tower of XLM-R with mean pooling, a vision transformer, no mask among the inputs.

    The authors' code is only on the hub, so the towers are those of transformers and timm, in the published sizes."""

    def __init__(self, tokens, edge):
        from transformers import XLMRobertaConfig, XLMRobertaModel
        super().__init__()
        text = dict(vocab_size=tokens, max_position_embeddings=8194 if FULL else 514, pad_token_id=1, **(sizes(1024, 24, 16) if FULL else sizes(32, 2, 2)))
        self.text_model = XLMRobertaModel(XLMRobertaConfig(**text), add_pooling_layer=False)
        self.vision_model = self.eva(edge) if FULL else self.vit(edge)

    @staticmethod
    def eva(edge):
        import timm
        return timm.create_model("eva02_large_patch14_clip_224", img_size=edge, num_classes=1024)

    @staticmethod
    def vit(edge):
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
        vision = CLIPVisionConfig(image_size=edge, patch_size=8, projection_dim=32, **sizes(32, 2, 2))
        return make.Call(CLIPVisionModelWithProjection(vision), lambda of, images: of(pixel_values=images).image_embeds)

    def forward(self, input_ids, pixel_values):
        mask = (input_ids != 1).long()
        hidden = self.text_model(input_ids=input_ids, attention_mask=mask).last_hidden_state
        counts = mask[:, :, None].float()
        text = (hidden * counts).sum(1) / counts.sum(1)
        image = self.vision_model(pixel_values)
        return text, image, torch.nn.functional.normalize(text, dim=-1), torch.nn.functional.normalize(image, dim=-1)


def jina_clip(root, name="jina-clip"):
    from torchvision import transforms
    repository = Repository(root, name, "jina-clip v2: one file with both towers, external weights")
    tokenizer = xlm_tokenizer(repository.path, 8192)
    edge = side(512)
    processor = dict(image_processor_type="JinaCLIPImageProcessor", processor_class="JinaCLIPProcessor", size=edge, **CLIP_PIXELS, resize_mode="shortest", interpolation="bicubic", fill_color=0)
    repository.write("preprocessor_config.json", processor)
    repository.write("config.json", dict(
        model_type="jina_clip", architectures=["JinaCLIPModel"], projection_dim=1024 if FULL else 32, logit_scale_init_value=2.6592,
        text_config=dict(model_type="jina_clip_text", embed_dim=1024 if FULL else 32, hf_model_name_or_path="jinaai/jina-embeddings-v3", pooler_type="mean_pooler"),
        vision_config=dict(model_type="jina_clip_vision", embed_dim=1024 if FULL else 32, image_size=edge, patch_size=14 if FULL else 8),
        matryoshka_dimensions=[16, 32],
    ))
    model = spread(JinaClip(250_002 if FULL else len(tokenizer), edge))
    names = ["text_embeds", "image_embeds", "l2norm_text_embeddings", "l2norm_image_embeddings"]
    axes = dict(input_ids={0: "text_batch", 1: "sequence"}, pixel_values={0: "image_batch"}, **{name: {0: "text_batch" if "text" in name else "image_batch"} for name in names})
    inputs = (torch.tensor([[0, 9, 8, 2]]), torch.zeros(1, 3, edge, edge))
    with tempfile.TemporaryDirectory() as temporary:
        plain = f"{temporary}/model.onnx"
        torch.onnx.export(model, inputs, plain, input_names=["input_ids", "pixel_values"], output_names=names, dynamic_axes=axes, opset_version=17, dynamo=False)
        onnx.save_model(onnx.load(plain), repository.file("onnx/model.onnx"), save_as_external_data=True, location="model.onnx_data", size_threshold=256)
    preprocess = transforms.Compose([
        transforms.Resize(edge, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(edge), transforms.ToTensor(),
        transforms.Normalize(**CLIP_PIXELS),
    ])
    nothing = torch.tensor([[0, 2]])
    image = lambda picture: model(nothing, preprocess(picture)[None])[1]
    text = lambda words: model(tokenizer(words, return_tensors="pt").input_ids, torch.zeros(1, 3, edge, edge))[0]
    repository.finish(image, text)


def dinov2(root, name="dinov2", full=(768, 12, 12)):
    """`optimum-cli export onnx --task feature-extraction`: its output has all tokens."""
    from optimum.exporters.onnx import main_export
    from transformers import Dinov2Config, Dinov2Model
    repository = Repository(root, name, "DINOv2, optimum-cli export onnx")
    edge, resized = (224, 256) if FULL else (28, 32)
    processor = BitImageProcessor(
        size=dict(shortest_edge=resized), crop_size=dict(height=edge, width=edge), resample=3, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )
    config = Dinov2Config(patch_size=14, image_size=518, **sizes(*full)) if FULL else Dinov2Config(patch_size=14, image_size=56, mlp_ratio=2, **sizes(32, 2, 2))
    model = spread(Dinov2Model(config))
    with tempfile.TemporaryDirectory() as checkpoint:
        model.save_pretrained(checkpoint)
        processor.save_pretrained(checkpoint)
        main_export(checkpoint, output=str(repository.path), task="feature-extraction", do_validation=False)
    image = lambda picture: model(**processor(picture, return_tensors="pt")).last_hidden_state[:, 0]
    repository.finish(image)


def efficientnet(root, name="efficientnet"):
    """timm's config.json and preprocessing, an export of its own with any batch."""
    import timm
    from timm.models import save_for_hf
    kind = "efficientnet_b4" if FULL else "test_efficientnet"
    repository = Repository(root, name, f"timm {kind}, pooled features")
    model = timm.create_model(kind, num_classes=0).eval()
    vary_norms(model)
    with tempfile.TemporaryDirectory() as temporary:
        save_for_hf(model, temporary)
        shutil.copy(f"{temporary}/config.json", repository.file("config.json"))
    data = timm.data.resolve_model_data_config(model)
    preprocess = timm.data.create_transform(**data, is_training=False)
    square = torch.zeros(2, *data["input_size"])
    batch = {0: "batch"}
    torch.onnx.export(model, square, repository.file("model.onnx"), input_names=["pixel_values"], output_names=["pooler_output"], dynamic_axes=dict(pixel_values=batch, pooler_output=batch), dynamo=False, opset_version=17)
    repository.finish(lambda picture: model(preprocess(picture)[None]))


MAKERS = {
    "clip": clip, "clip-merged": clip_merged, "siglip": siglip, "siglip2": siglip2, "mobileclip": mobileclip, "open-clip": open_clip_vit,
    "jina-clip": jina_clip, "dinov2": dinov2, "efficientnet": efficientnet,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()
    FULL = asked.full
    shown = asked.out / "pictures"
    shown.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures()):
        (shown / f"{index}.jpg").write_bytes(picture)
    for wanted in asked.names or MAKERS:
        torch.manual_seed(0)
        MAKERS[wanted](asked.out)
