#!/usr/bin/env python3
"""Model folders of full size, with random weights, written by the tools that write real files, and their checkpoints.

usage: full_size.py OUT VOCABULARY NAME…     VOCABULARY is bpe_simple_vocab_16e6.txt.gz, which open_clip's package has

The recipes are those of the miniatures (tools/exported-miniatures/make.py), with other models; b16 and l14 are other
sizes of the recipe of transformers.js. OUT/NAME gets model.json, the files, and what bench/fidelity/library.py loads.
SigLIP's own vocabularies are out of reach here, so its towers have CLIP's; MobileCLIP is MobileCLIP2-S0. full_size.sh
names the environments.
"""
import pathlib
import sys

import torch
from clip_tokenizer import clip_tokenizer
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "exported-miniatures"))
import make

#: Vision and text; transformers' defaults are those of ViT-B/32.
CLIP = {
    "b16": dict(vision_config=dict(patch_size=16)),
    "l14": dict(
        vision_config=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14, projection_dim=768),
        text_config=dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768),
        projection_dim=768,
    ),
}
OPEN_CLIP = {"open-clip": "ViT-B-32-quickgelu", "mobileclip": "MobileCLIP2-S0"}
SIGLIP = ("siglip", "siglip2")
#: <|endoftext|>
END = 49_407


def vary(model):
    """Exporters store equal constants once, and a block scaled by nearly zero would not count. In trained weights no two are equal."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("gamma"):
                parameter.uniform_(0.5, 1)
            elif parameter.dim() <= 1:
                parameter.add_(torch.randn_like(parameter) * 0.02)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return model.eval()


class Folder(make.Folder):
    """A model folder of full size: the size and the padding of the miniature give way to the model's own."""

    #: The name that was asked for, and the folder of the recipe that runs.
    asked = current = None

    def __init__(self, root, _, title, side, scale=make.CLIP_PIXELS, pad=None, squash=False):
        name = Folder.asked
        self.is_siglip, self.context = name in SIGLIP, 64 if name in SIGLIP else 77
        own_pad = {"open-clip": 0, "mobileclip": 0}.get(name, END if self.is_siglip else None)
        super().__init__(root, name, title, 256 if name == "mobileclip" else 224, scale, own_pad, squash)
        if name in ("siglip2", "mobileclip"):
            self.entry["input"]["kernel"] = "bilinear"
        self.tokenizer = clip_tokenizer(VOCABULARY, self.path, self.context)
        self.tokenizer.save_pretrained(self.path)
        Folder.current = self

    def finish(self, images, texts=None):
        self.entry.update(name=f"full-{self.name}", dimension=images.shape[-1])
        if texts is not None:
            cleaned = dict(clean="openai") if self.name in OPEN_CLIP else {}
            self.entry["text"] = dict(contextLength=self.context, **({} if self.pad is None else dict(padId=self.pad)), **cleaned)
        if "fp32" not in self.precisions:
            self.entry["defaultPrecision"] = next(iter(self.precisions))
        self.write("model.json", dict(**self.entry, precisions=self.precisions))


def clip(side, patch, attention="sdpa"):
    """Takes the arguments of the miniature, of which only attention counts."""
    folder = Folder.current.path
    config = CLIPConfig(**CLIP.get(Folder.current.name, {}))
    config._attn_implementation = attention
    model = vary(CLIPModel(config))
    model.save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    kind = {} if attention is None else dict(attn_implementation=attention)
    towers = [of.from_pretrained(folder, **kind).eval() for of in (CLIPVisionModelWithProjection, CLIPTextModelWithProjection)]
    return model, *towers


def ids(text, pad=None):
    padding = {} if pad is None else dict(padding="max_length")
    found = Folder.current.tokenizer(text, return_tensors="pt", **padding)
    mask = found.attention_mask.bool()
    return found.input_ids if pad is None else torch.where(mask, found.input_ids, Folder.current.pad)


def siglip_model(attention="sdpa"):
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel
    folder = Folder.current
    config = SiglipConfig(text_config=dict(vocab_size=END + 1, pad_token_id=END, bos_token_id=END - 1, eos_token_id=END))
    config._attn_implementation = attention
    model = vary(SiglipModel(config))
    model.save_pretrained(folder.path)
    kernel = dict(bicubic=3, bilinear=2)[folder.entry["input"]["kernel"]]
    SiglipImageProcessor(size=dict(height=224, width=224), resample=kernel).save_pretrained(folder.path)
    return model


def open_clip_model():
    import open_clip
    folder, name = Folder.current, OPEN_CLIP[Folder.current.name]
    model = vary(open_clip.create_model(name))
    torch.save(model.state_dict(), folder.file("open_clip_pytorch_model.bin"))
    mobile = dict(mean=[0, 0, 0], std=[1, 1, 1], interpolation="bilinear", resize_mode="shortest")
    own = dict(model_cfg=open_clip.get_model_config(name), preprocess_cfg=mobile if folder.name == "mobileclip" else {})
    folder.write("open_clip_config.json", own)
    return model


def mobileclip_towers():
    from timm.utils import reparameterize_model
    model = open_clip_model()
    image = make.Call(reparameterize_model(model.visual), lambda of, images: of(images))
    return image, make.Call(model, lambda of, words: of.encode_text(words))


def other_size(name):
    """Both towers of another size of CLIP, as optimum-onnx and transformers.js 3 write them."""

    def maker(root):
        folder = Folder(root, name, f"CLIP {name.upper()}, optimum-onnx, transformers.js 3", 224)
        vision, text = clip(None, None)[1:]
        for kind, model in (("vision", vision), ("text", text)):
            make.optimum_export(model, kind, folder.file(f"{kind}_model.onnx"), 17)
            make.quantise(folder.file(f"{kind}_model.onnx"), folder.file(f"{kind}_model_quantized.onnx"), per_channel=False)
        folder.precision("fp32", "vision_model.onnx", "text_model.onnx")
        folder.precision("int8", "vision_model_quantized.onnx", "text_model_quantized.onnx")
        folder.finish(*make.expected_clip(folder, vision, text))

    return maker


def opsets(root):
    """CLIP B/32 by the TorchScript exporter of today: eager from opset 11 on, sdpa from 14 on."""
    folder = Folder(root, "opsets", "CLIP, TorchScript exporter of today's PyTorch, opset 11 to 17", 224)
    _, vision, text = clip(None, None)
    for attention, opset in (("eager", 11), ("eager", 14), ("eager", 17), ("sdpa", 14), ("sdpa", 17)):
        vision.set_attn_implementation(attention)
        name = f"{attention}-{opset}"
        make.export(make.ImageTower(vision), (folder.pixels,), folder.file(f"{name}.onnx"), ["pixel_values"], "image_embeds", opset)
        make.quantise(folder.file(f"{name}.onnx"), folder.file(f"{name}_quantized.onnx"))
        folder.precision("fp32" if name == "sdpa-17" else name, f"{name}.onnx")
        folder.precision(f"{name}-int8", f"{name}_quantized.onnx")
    folder.finish(make.expected_clip(folder, vision, text)[0])


if __name__ == "__main__":
    out, VOCABULARY, *wanted = sys.argv[1:]
    make.Folder, make.clip, make.ids, make.CONTEXT = Folder, clip, ids, 77
    make.siglip_model, make.open_clip_model, make.mobileclip_towers = siglip_model, open_clip_model, mobileclip_towers
    make.naflex = lambda file: None
    makers = {maker.__name__.replace("_", "-"): maker for maker in make.MAKERS}
    makers = {**makers, "hub-opsets": make.opsets, "opsets": opsets, **{name: other_size(name) for name in CLIP}}
    unknown = [name for name in wanted if name not in makers]
    if unknown or not wanted:
        sys.exit(f"Expected names of {', '.join(makers)}, found {', '.join(unknown) or 'none'}.")
    for name in wanted:
        torch.manual_seed(0)
        Folder.asked = name
        makers[name](pathlib.Path(out))
