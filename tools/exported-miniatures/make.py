#!/usr/bin/env python3
"""Model folders in miniature, with random weights, written by the tools that write real files.

usage: make.py OUT [NAME ...]     writes OUT/NAME/, each a model folder with expected.json; default: every NAME but hub and opsets

expected.json has the embeddings of PICTURES and TEXTS as PyTorch computes them from the checkpoint, in float32.
README.md names the environments. Weights are the same for the same environment.
"""
import contextlib
import json
import pathlib
import shutil
import sys
import tempfile

import numpy
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

CLIP_PIXELS = dict(mean=[0.48145466, 0.4578275, 0.40821073], std=[0.26862954, 0.26130258, 0.27577711])
HALF_PIXELS = dict(mean=[0.5] * 3, std=[0.5] * 3)
PLAIN_PIXELS = dict(mean=[0, 0, 0], std=[1, 1, 1])
LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789", "▁"]
START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY = {token: id for id, token in enumerate([*LETTERS, "<unk>", START, END])}
CONTEXT = 16
WIDTH = 32
PICTURES = 4
TEXTS = ["a dog", "two red cars", "night"]
#: Unsigned weights wherever there is a convolution, as transformers.js' converter chooses them.
BY_CONVOLUTION = object()


def pictures(side):
    """RGB bytes, [PICTURES, side, side, 3]: uniform noise of a generator that JavaScript has too, over four brightnesses."""
    state, bytes_ = 11, []
    for index in range(PICTURES * side * side * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        bytes_.append((state >> 24) * (1 + index // (side * side * 3)) // PICTURES)
    return numpy.array(bytes_, dtype=numpy.uint8).reshape(PICTURES, side, side, 3)


def pixels(side, mean, std):
    """[PICTURES, 3, side, side]"""
    floats = (pictures(side).astype(numpy.float64) / 255 - mean) / std
    return torch.from_numpy(floats.transpose(0, 3, 1, 2).astype(numpy.float32).copy())


def ids(text, pad=None):
    """[1, tokens]: one letter is one token."""
    tokens = [VOCABULARY[START], *(VOCABULARY[letter] for letter in text if letter != " "), VOCABULARY[END]]
    return torch.tensor([tokens if pad is None else tokens + [pad] * (CONTEXT - len(tokens))])


def spread(model):
    """Initial weights are tiny and many are alike: embeddings would hardly differ, equal constants would be stored once."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() <= 1:
                parameter.add_(torch.randn_like(parameter) * 0.05)
            else:
                parameter.mul_(4)
    return model.eval()


def tokenizer():
    def added(content):
        return dict(id=VOCABULARY[content], content=content, special=True, normalized=False, single_word=False, lstrip=False, rstrip=False)

    return dict(
        version="1.0", added_tokens=[added(START), added(END)], normalizer=dict(type="Lowercase"),
        pre_tokenizer=dict(type="WhitespaceSplit"),
        post_processor=dict(type="RobertaProcessing", trim_offsets=False, cls=[START, VOCABULARY[START]], sep=[END, VOCABULARY[END]]),
        decoder=None, model=dict(type="BPE", unk_token="<unk>", vocab=VOCABULARY, merges=[]),
    )


class Folder:
    """A model folder: files of towers, model.json, the tokenizer and expected.json."""

    def __init__(self, root, name, title, side, scale=CLIP_PIXELS, pad=None, squash=False):
        self.path, self.name, self.side, self.scale, self.pad = root / name, name, side, scale, pad
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        self.precisions = {}
        self.entry = dict(
            name=name, title=title, license="MIT", dimension=WIDTH // 2,
            input=dict(size=side, fit="squash" if squash else "crop", cropShare=1, kernel="bicubic"), **scale,
            scoring="softmax", logitScale=100, logitBias=0, defaultPrecision="fp32",
        )

    @property
    def pixels(self):
        return pixels(self.side, **self.scale)

    def precision(self, name, vision, text=None, others=()):
        self.precisions[name] = dict(vision=vision, **(dict(text=text) if text else {}), **(dict(others=list(others)) if others else {}))

    def file(self, name):
        return str(self.path / name)

    def finish(self, images, texts=None):
        """@param images [PICTURES, dimension] @param texts embeddings of TEXTS, [1, dimension] each"""
        unit = lambda rows: (rows / rows.norm(dim=-1, keepdim=True)).double().numpy().round(8).tolist()
        expected = dict(images=unit(images.detach()))
        if texts is not None:
            expected["texts"] = unit(torch.cat([each.detach() for each in texts]))
            self.entry["text"] = dict(contextLength=CONTEXT, **({} if self.pad is None else dict(padId=self.pad)))
            for name, content in (("tokenizer.json", tokenizer()), ("tokenizer_config.json", {})):
                (self.path / name).write_text(json.dumps(content, ensure_ascii=False))
        self.entry["dimension"] = len(expected["images"][0])
        if "fp32" not in self.precisions:
            self.entry["defaultPrecision"] = next(iter(self.precisions))
        self.write("model.json", dict(**self.entry, precisions=self.precisions))
        self.write("expected.json", expected)
        for file in sorted(self.path.iterdir()):
            print(f"{self.name}/{file.name}: {file.stat().st_size:,} bytes")

    def write(self, name, content):
        rows = json.dumps(content, indent=1)
        (self.path / name).write_text(rows + "\n")


def clip_config(side, patch, attention="sdpa"):
    sizes = dict(hidden_size=WIDTH, intermediate_size=2 * WIDTH, projection_dim=WIDTH // 2, num_hidden_layers=2, num_attention_heads=2)
    last = len(VOCABULARY) - 1
    config = CLIPConfig(
        text_config=dict(vocab_size=len(VOCABULARY), max_position_embeddings=CONTEXT, bos_token_id=last - 1, eos_token_id=last, pad_token_id=0, **sizes),
        vision_config=dict(image_size=side, patch_size=patch, **sizes), projection_dim=WIDTH // 2,
    )
    config._attn_implementation = attention
    return config


def clip(side, patch, attention="sdpa"):
    """@returns the model with both towers, and its towers as transformers splits them"""
    model = spread(CLIPModel(clip_config(side, patch, attention)))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        kind = {} if attention is None else dict(attn_implementation=attention)
        towers = [of.from_pretrained(folder, **kind).eval() for of in (CLIPVisionModelWithProjection, CLIPTextModelWithProjection)]
    return model, *towers


def expected_clip(folder, vision, text):
    with torch.no_grad():
        images = vision(pixel_values=folder.pixels).image_embeds
        return images, [text(input_ids=ids(each)).text_embeds for each in TEXTS]


def export(model, inputs, file, names, output, opset, dynamo=False, batch="batch", **options):
    """torch.onnx.export of a tower. @param names of the inputs; ids also have a variable length unless the batch is fixed"""
    model.eval()
    axes = {name: {0: batch, **({1: "sequence"} if name != "pixel_values" and not options.pop("padded", False) else {})} for name in names} if batch else {}
    if dynamo:
        shapes = tuple({axis: torch.export.Dim.DYNAMIC for axis in axes[name]} for name in names) if axes else None
        torch.onnx.export(model, inputs, file, input_names=names, output_names=[output], opset_version=opset, dynamo=True, dynamic_shapes=shapes, verbose=False, **options)
        without_origins(file)
    else:
        axes = {**axes, output: {0: batch}} if axes else None
        torch.onnx.export(model, inputs, file, input_names=names, output_names=[output], opset_version=opset, dynamo=False, dynamic_axes=axes, **options)


def without_origins(file):
    """Drops the stack traces that the exporter notes at every node: most of a small file."""
    model = onnx.load(file, load_external_data=False)
    for each in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.input, *model.graph.output):
        del each.metadata_props[:]
    onnx.save(model, file)


def quantise(source, target, per_channel=True, reduce_range=True, weight_type=BY_CONVOLUTION, **options):
    """transformers.js' converter, reproduced: its scripts are on no package index. It calls onnxruntime's dynamic quantiser;
    version 2 always with per_channel and reduce_range (the hub's CLIP), version 3 with what the user chooses, and names the
    results q8 or quantized, int8 and uint8."""
    if weight_type is BY_CONVOLUTION:
        operators = {node.op_type for node in onnx.load(source).graph.node}
        weight_type = QuantType.QUInt8 if "Conv" in operators else QuantType.QInt8
    if "optimize_model" in quantize_dynamic.__code__.co_varnames:
        options["optimize_model"] = False
    options.setdefault("extra_options", dict(EnableSubgraph=True, MatMulConstBOnly=True))
    quantize_dynamic(source, target, per_channel=per_channel, reduce_range=reduce_range, weight_type=weight_type, **options)


def optimum_export(model, kind, file, opset):
    """optimum's TorchScript exporter, with the embedding as the only output, as in the hub's CLIP."""
    from optimum.exporters.onnx import export as write
    try:  # optimum-onnx, of late 2026
        from optimum.exporters.onnx.model_configs import CLIPTextWithProjectionOnnxConfig as Text, CLIPVisionModelOnnxConfig as Vision
    except ImportError:  # optimum 1.13 has no image tower of its own
        from optimum.exporters.onnx.model_configs import CLIPTextOnnxConfig as Text, ViTOnnxConfig as Vision
    name = dict(vision="image_embeds", text="text_embeds")[kind]
    described = type("Tower", (dict(vision=Vision, text=Text)[kind],), dict(outputs=property(lambda self: {name: {0: "batch_size"}})))
    write(model, described(model.config, task="feature-extraction"), pathlib.Path(file), opset=opset)


def hub(root):
    folder = Folder(root, "hub", "CLIP B/32 as on the hub: optimum 1.13, opset 11 and 14, quantised by transformers.js 2", 32)
    _, vision, text = clip(32, 8, None)
    for kind, model, opset in (("vision", vision, 11), ("text", text, 14)):
        optimum_export(model, kind, folder.file(f"{kind}_model.onnx"), opset)
        quantise(folder.file(f"{kind}_model.onnx"), folder.file(f"{kind}_model_quantized.onnx"))
    folder.precision("fp32", "vision_model.onnx", "text_model.onnx")
    folder.precision("int8", "vision_model_quantized.onnx", "text_model_quantized.onnx")
    folder.finish(*expected_clip(folder, vision, text))


def opsets(root):
    """The opsets that the two other folders of optimum do not have. From 13 on, axes are inputs; 17 has LayerNormalization."""
    folder = Folder(root, "opsets", "CLIP, TorchScript exporter of optimum 1.13, opset 12 to 17", 16)
    _, vision, text = clip(16, 8, None)
    for opset in (12, 13, 15, 16, 17):
        plain = folder.file(f"vision_{opset}.onnx")
        optimum_export(vision, "vision", plain, opset)
        quantise(plain, folder.file(f"vision_{opset}_quantized.onnx"))
        if opset == 17:
            folder.precision("fp32", f"vision_{opset}.onnx")
        else:
            pathlib.Path(plain).unlink()
        folder.precision("int8" if opset == 17 else f"opset{opset}-int8", f"vision_{opset}_quantized.onnx")
    folder.finish(expected_clip(folder, vision, text)[0])


def optimum(root):
    folder = Folder(root, "optimum", "CLIP B/16 as optimum-onnx writes it in opset 17, and as transformers.js 3 converts it", 32)
    _, vision, text = clip(32, 4)
    for kind, model in (("vision", vision), ("text", text)):
        optimum_export(model, kind, folder.file(f"{kind}_model.onnx"), 17)
    source = {kind: folder.file(f"{kind}_model.onnx") for kind in ("vision", "text")}
    target = lambda kind, suffix: folder.file(f"{kind}_model_{suffix}.onnx")
    for kind in source:
        quantise(source[kind], target(kind, "quantized"), per_channel=False)
    # The 8-bit weights of version 3 without reduce_range.
    quantise(source["vision"], target("vision", "uint8"), per_channel=False, reduce_range=False, weight_type=QuantType.QUInt8)
    quantise(source["vision"], target("vision", "int8"), per_channel=False, reduce_range=True, weight_type=QuantType.QInt8)
    four_bits(source["vision"], target("vision", "q4"))
    four_bits(source["text"], target("text", "q4"))
    for kind in source:
        bits_and_bytes(source[kind], target(kind, "bnb4"))
    half(source["vision"], target("vision", "fp16"))
    half(source["text"], target("text", "fp16"))
    half(target("vision", "q4"), target("vision", "q4f16"))
    folder.precision("fp32", "vision_model.onnx", "text_model.onnx")
    folder.precision("int8", "vision_model_quantized.onnx", "text_model_quantized.onnx")
    folder.precision("qint8", "vision_model_int8.onnx", "text_model_quantized.onnx")
    folder.precision("quint8", "vision_model_uint8.onnx", "text_model_quantized.onnx")
    folder.precision("q4", "vision_model_q4.onnx", "text_model_q4.onnx")
    folder.precision("bnb4", "vision_model_bnb4.onnx", "text_model_bnb4.onnx")
    folder.precision("q4f16", "vision_model_q4f16.onnx", "text_model.onnx")
    folder.precision("fp16", "vision_model_fp16.onnx", "text_model_fp16.onnx")
    folder.finish(*expected_clip(folder, vision, text))


def four_bits(source, target):
    try:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer as Quantiser
    except ImportError:
        from onnxruntime.quantization.matmul_4bits_quantizer import MatMul4BitsQuantizer as Quantiser
    quantiser = Quantiser(onnx.load(source), block_size=32, is_symmetric=True, accuracy_level=None)
    quantiser.process()
    onnx.save(quantiser.model.model, target)


def bits_and_bytes(source, target):
    """transformers.js' bnb4: NF4 of bitsandbytes."""
    from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
    quantiser = MatMulBnb4Quantizer(onnx.load(source), MatMulBnb4Quantizer.NF4, 64)
    quantiser.process()
    onnx.save(quantiser.model.model, target)


def half(source, target):
    """keep_io_types as transformers.js: pixels and embeddings stay float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16
    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True, disable_shape_infer=False), target)


def both(root):
    folder = Folder(root, "both", "CLIP with both towers in one file, TorchScript exporter, opset 14, eager attention", 32)
    model, vision, text = clip(32, 8, "eager")

    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, pixel_values, attention_mask):
            found = self.model(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)
            return found.logits_per_image, found.logits_per_text, found.text_embeds, found.image_embeds

    words = ids("a dog")
    names = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"]
    rows = {0: "text_batch_size", 1: "sequence_length"}
    torch.onnx.export(
        Both(), (words, folder.pixels, torch.ones_like(words)), folder.file("model.onnx"), opset_version=14, dynamo=False,
        input_names=["input_ids", "pixel_values", "attention_mask"], output_names=names,
        dynamic_axes=dict(input_ids=rows, attention_mask=rows, pixel_values={0: "image_batch_size"}, text_embeds={0: "text_batch_size"}, image_embeds={0: "image_batch_size"}),
    )
    quantise(folder.file("model.onnx"), folder.file("model_quantized.onnx"))
    outside(folder.file("model.onnx"), folder.file("model_external.onnx"))
    folder.precision("fp32", "model.onnx", "model.onnx")
    folder.precision("external", "model_external.onnx", "model_external.onnx", others=["model_external.onnx_data"])
    folder.precision("int8", "model_quantized.onnx", "model_quantized.onnx")
    folder.finish(*expected_clip(folder, vision, text))


def outside(source, target):
    """The weights in a file beside the graph, as the hub has those of large models."""
    onnx.save_model(onnx.load(source), target, save_as_external_data=True, location=f"{pathlib.Path(target).name}_data", size_threshold=256)


class ImageTower(torch.nn.Module):
    def __init__(self, model, output="image_embeds"):
        super().__init__()
        self.model, self.output = model, output

    def forward(self, pixel_values):
        return getattr(self.model(pixel_values=pixel_values), self.output)


class TextTower(torch.nn.Module):
    def __init__(self, model, output="text_embeds"):
        super().__init__()
        self.model, self.output = model, output

    def forward(self, input_ids):
        return getattr(self.model(input_ids=input_ids), self.output)


def dynamo(root):
    folder = Folder(root, "dynamo", "CLIP L/14 as torch.onnx.export(dynamo=True) writes it, sdpa and eager, external data", 28)
    _, vision, text = clip(28, 14)
    export(ImageTower(vision), (folder.pixels,), folder.file("vision.onnx"), ["pixel_values"], "image_embeds", 18, dynamo=True, external_data=True)
    export(TextTower(text), (ids("a dog"),), folder.file("text.onnx"), ["input_ids"], "text_embeds", 18, dynamo=True, external_data=False)
    vision.set_attn_implementation("eager")
    export(ImageTower(vision), (folder.pixels,), folder.file("vision_eager.onnx"), ["pixel_values"], "image_embeds", 20, dynamo=True, external_data=False)
    quantise(folder.file("vision.onnx"), folder.file("vision_quantized.onnx"), use_external_data_format=True)
    quantise(folder.file("text.onnx"), folder.file("text_quantized.onnx"))
    folder.precision("fp32", "vision.onnx", "text.onnx", others=["vision.onnx.data"])
    folder.precision("eager", "vision_eager.onnx", "text.onnx")
    folder.precision("int8", "vision_quantized.onnx", "text_quantized.onnx", others=["vision_quantized.onnx.data"])
    folder.finish(*expected_clip(folder, vision, text))


def ort(root):
    """onnxruntime.transformers.optimizer: Attention, SkipLayerNormalization and fused activations."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions
    folder = Folder(root, "ort", "CLIP as onnxruntime.transformers.optimizer fuses it: model types clip and vit", 32)
    _, vision, text = clip(32, 8, "eager")
    plain = folder.file("plain.onnx")
    for kind, model in (("vision", vision), ("text", text)):
        optimum_export(model, kind, plain, 14)
        for type_ in ("clip", "vit") if kind == "vision" else ("clip",):
            sizes = dict(num_heads=model.config.num_attention_heads, hidden_size=model.config.hidden_size)
            fused = optimizer.optimize_model(plain, model_type=type_, opt_level=0, optimization_options=FusionOptions(type_), **sizes)
            fused.save_model_to_file(folder.file(f"{kind}_{type_}.onnx"))
            print(kind, type_, fused.get_fused_operator_statistics())
            if type_ == "clip":
                fused.convert_float_to_float16(keep_io_types=True)
                fused.save_model_to_file(folder.file(f"{kind}_{type_}_fp16.onnx"))
    pathlib.Path(plain).unlink()
    # The quantiser infers no types through the runtime's own operators.
    plain_types = dict(DefaultTensorType=onnx.TensorProto.FLOAT)
    quantise(folder.file("vision_clip.onnx"), folder.file("vision_clip_quantized.onnx"), extra_options=plain_types)
    quantise(folder.file("vision_vit.onnx"), folder.file("vision_vit_quantized.onnx"), extra_options=plain_types)
    quantise(folder.file("text_clip.onnx"), folder.file("text_clip_quantized.onnx"), extra_options=plain_types)
    folder.precision("fp32", "vision_clip.onnx", "text_clip.onnx")
    folder.precision("vit", "vision_vit.onnx", "text_clip.onnx")
    folder.precision("fp16", "vision_clip_fp16.onnx", "text_clip_fp16.onnx")
    folder.precision("int8", "vision_clip_quantized.onnx", "text_clip_quantized.onnx")
    folder.precision("vit-int8", "vision_vit_quantized.onnx", "text_clip_quantized.onnx")
    folder.finish(*expected_clip(folder, vision, text))


def open_clip(root):
    """open_clip's own model, as the photo server Immich exports it: one image or text per call, basic fusions of the runtime."""
    import onnxruntime
    folder = Folder(root, "open-clip", "open_clip ViT, visual and textual as Immich exports them", 32)
    model = open_clip_model()
    visual = Call(model, lambda of, images: of.encode_image(images, normalize=True))
    textual = Call(model, lambda of, words: of.encode_text(words, normalize=True))
    words = ids("a dog", 0)
    one = folder.pixels[:1]
    for kind, tower, input_, name in (("visual", visual, one, "image"), ("textual", textual, words.int(), "text")):
        file = folder.file(f"{kind}.onnx")
        # The TorchScript exporter of this PyTorch does not know the attention of open_clip.
        export(tower, (input_,), file, [name], f"{name}_embedding", 18, dynamo=True, batch=None, external_data=False)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = file
        onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        quantise(file, folder.file(f"{kind}_quantized.onnx"))
    folder.precision("fp32", "visual.onnx", "textual.onnx")
    folder.precision("int8", "visual_quantized.onnx", "textual_quantized.onnx")
    with torch.no_grad():
        folder.pad = 0
        folder.finish(visual(folder.pixels), [textual(ids(each, 0)) for each in TEXTS])


def open_clip_model():
    import open_clip as library
    vision = dict(image_size=32, patch_size=8, width=WIDTH, layers=2, head_width=WIDTH // 2, mlp_ratio=2)
    text = dict(context_length=CONTEXT, vocab_size=len(VOCABULARY), width=WIDTH, heads=2, layers=2)
    return spread(library.CLIP(embed_dim=WIDTH // 2, vision_cfg=vision, text_cfg=text, quick_gelu=True))


class Call(torch.nn.Module):
    def __init__(self, model, run):
        super().__init__()
        self.model, self.run = model, run

    def forward(self, *inputs):
        return self.run(self.model, *inputs)


def siglip_model(attention="sdpa"):
    from transformers import SiglipConfig, SiglipModel
    sizes = dict(hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2, num_attention_heads=2)
    config = SiglipConfig(
        text_config=dict(vocab_size=len(VOCABULARY), max_position_embeddings=CONTEXT, pad_token_id=0, projection_size=WIDTH, **sizes),
        vision_config=dict(image_size=32, patch_size=8, **sizes),
    )
    config._attn_implementation = attention
    return spread(SiglipModel(config))


def siglip_folder(root, name, title, attention, opset, with_dynamo):
    folder = Folder(root, name, title, 32, HALF_PIXELS, pad=0, squash=True)
    model = siglip_model(attention)
    inside = dict(external_data=False) if with_dynamo else {}
    vision, text = ImageTower(model.vision_model, "pooler_output"), TextTower(model.text_model, "pooler_output")
    export(vision, (folder.pixels,), folder.file("vision_model.onnx"), ["pixel_values"], "pooler_output", opset, with_dynamo, **inside)
    export(text, (ids("a dog", 0),), folder.file("text_model.onnx"), ["input_ids"], "pooler_output", opset, with_dynamo, padded=True, **inside)
    for kind in ("vision", "text"):
        quantise(folder.file(f"{kind}_model.onnx"), folder.file(f"{kind}_model_quantized.onnx"))
    folder.precision("fp32", "vision_model.onnx", "text_model.onnx")
    folder.precision("int8", "vision_model_quantized.onnx", "text_model_quantized.onnx")
    with torch.no_grad():
        folder.finish(vision(folder.pixels), [text(ids(each, 0)) for each in TEXTS])


def siglip(root):
    siglip_folder(root, "siglip", "SigLIP, TorchScript exporter, opset 14", "eager", 14, False)


def siglip2(root):
    """The fixed sizes of SigLIP 2 have the towers of SigLIP, with another tokenizer."""
    siglip_folder(root, "siglip2", "SigLIP 2 of a fixed size, torch.onnx.export(dynamo=True)", "sdpa", 18, True)
    naflex(str(root / "siglip2" / "vision_model_naflex.onnx"))


def naflex(file):
    """SigLIP 2 NaFlex: patches of pictures of any shape, with their mask and the shape of each picture in patches. Positions
    are interpolated without anti-aliasing, which the exporter does not know."""
    from transformers import Siglip2VisionConfig, Siglip2VisionModel
    sizes = dict(hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=1, num_attention_heads=2)
    config = Siglip2VisionConfig(num_patches=16, patch_size=8, **sizes)
    config._attn_implementation = "eager"
    tower = Call(spread(Siglip2VisionModel(config)), lambda of, *inputs: of(*inputs).pooler_output)
    names = ["pixel_values", "pixel_attention_mask", "spatial_shapes"]
    inputs = (torch.rand(1, 16, 3 * 8 * 8), torch.ones(1, 16, dtype=torch.int64), torch.tensor([[4, 4]]))
    interpolate = torch.nn.functional.interpolate
    torch.nn.functional.interpolate = lambda *values, antialias, **options: interpolate(*values, **options)
    torch.onnx.export(tower, inputs, file, input_names=names, output_names=["pooler_output"], opset_version=17, dynamo=False)
    torch.nn.functional.interpolate = interpolate


def mobileclip(root):
    """FastViT without its training branches, as MobileCLIP's exports have it. The text tower is open_clip's, in which every
    token sees all others, so texts are padded as in training."""
    folder = Folder(root, "mobileclip", "MobileCLIP: FastViT of timm, TorchScript exporter, opset 17; text tower of open_clip", 64, PLAIN_PIXELS, pad=0)
    model, text = mobileclip_towers()
    export(model, (folder.pixels,), folder.file("vision_model.onnx"), ["pixel_values"], "image_embeds", 17)
    quantise(folder.file("vision_model.onnx"), folder.file("vision_model_quantized.onnx"))
    export(text, (ids("a dog", 0),), folder.file("text_model.onnx"), ["input_ids"], "text_embeds", 18, dynamo=True, batch=None, external_data=False)
    quantise(folder.file("text_model.onnx"), folder.file("text_model_quantized.onnx"))
    folder.precision("fp32", "vision_model.onnx", "text_model.onnx")
    folder.precision("int8", "vision_model_quantized.onnx", "text_model_quantized.onnx")
    with torch.no_grad():
        folder.finish(model(folder.pixels), [text(ids(each, 0)) for each in TEXTS])


def mobileclip_towers():
    import open_clip as library
    import timm
    from timm.utils import reparameterize_model
    model = timm.create_model(
        "fastvit_mci0", num_classes=WIDTH // 2, layers=(1, 1, 1, 1), embed_dims=(16, 16, 16, 32), mlp_ratios=(1, 1, 1, 1),
        token_mixers=("repmixer", "repmixer", "repmixer", "attention"),
    ).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    model = reparameterize_model(model.eval())
    sizes = dict(context_length=CONTEXT, vocab_size=len(VOCABULARY), width=WIDTH, heads=2, layers=2, output_dim=WIDTH // 2)
    return model, Call(spread(library.transformer.TextTransformer(**sizes, no_causal_mask=True)), lambda of, words: of(words))


OLD_MAKERS = [hub, opsets]
MAKERS = [*OLD_MAKERS, optimum, both, dynamo, ort, open_clip, siglip, siglip2, mobileclip]

if __name__ == "__main__":
    out, *wanted = sys.argv[1:]
    for maker in MAKERS:
        name = maker.__name__.replace("_", "-")
        if name in wanted or (not wanted and maker not in OLD_MAKERS):
            torch.manual_seed(0)
            maker(pathlib.Path(out))
