#!/usr/bin/env python3
"""CLIP ViT-B/32 checkpoints with random weights and the outliers of trained transformers, exported to ONNX in float32.

usage: make.py OUT PICTURES IDS TOKENIZER [KIND ...]     default: every kind

Writes OUT/KIND: onnx/{vision,text}_model.onnx, and a model.json that makes it a model of MODEL_FOLDERS,
stress-KIND. hub.py writes its files in int8.

PICTURES is a folder of photos, IDS a JSON list of {"ids": […]} with CLIP's token ids: they place the outliers and the
mean of the embeddings. TOKENIZER is a folder with CLIP's tokenizer.json and tokenizer_config.json. README.md says which measurements the kinds copy, and how far they reach them.
"""
import json
import pathlib
import shutil
import sys

import torch
from PIL import Image
from transformers import CLIPConfig, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
PICTURES, TEXTS = 16, 24
#: Which outliers a kind has.
KINDS = {
    "plain": (),
    "channels": ("gains", "residual"),
    "tokens": ("massive", "neurons"),
    "all": ("gains", "residual", "massive", "neurons"),
}


class Tower:
    """One tower of the model, and how to run it on the calibration inputs."""

    def __init__(self, model, inputs):
        vision = hasattr(model, "vision_model")
        self.model, self.inputs, self.vision = model, inputs, vision
        body = model.vision_model if vision else model.text_model
        self.body, self.layers = body, body.encoder.layers
        self.last = body.post_layernorm if vision else body.final_layer_norm
        self.norms = [norm for layer in self.layers for norm in (layer.layer_norm1, layer.layer_norm2)]
        self.width = self.last.weight.shape[0]

    def outputs_of(self, module):
        """@returns what the module puts out for each input, [tokens, width] each"""
        found = []

        def note(_, __, out):
            out = out[0] if isinstance(out, tuple) else out
            found.extend(out if out.dim() == 3 else out.unsqueeze(1))

        hook = module.register_forward_hook(note)
        self.run()
        hook.remove()
        return found

    def run(self):
        """@returns the embeddings, [inputs, 512]"""
        with torch.no_grad():
            if self.vision:
                return self.model(pixel_values=self.inputs).image_embeds
            return torch.cat([self.model(input_ids=each).text_embeds for each in self.inputs])


def spread(tower):
    """Trained towers attend to few tokens and carry what these say; with initial weights every photo looks alike."""
    for layer in tower.layers:
        for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj):
            projection.weight.mul_(6)
        for projection in (layer.self_attn.v_proj, layer.self_attn.out_proj):
            projection.weight.mul_(3)
        for projection in (layer.mlp.fc1, layer.mlp.fc2):
            projection.weight.mul_(2)
    for parameter in tower.model.parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn_like(parameter) * 0.05)
    if tower.vision:
        tower.body.embeddings.patch_embedding.weight.mul_(3)
    else:
        tower.body.embeddings.token_embedding.weight.mul_(20)
        tower.body.embeddings.position_embedding.weight.mul_(20)


def consumers(layer, norm):
    return [layer.mlp.fc1] if norm is layer.layer_norm2 else [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]


def gains(tower):
    """Layer norms amplify six fixed channels 10 to 60 times; the other gains differ as well."""
    fixed = torch.randperm(tower.width)[:6]
    for layer in tower.layers:
        for norm in (layer.layer_norm1, layer.layer_norm2):
            factor = torch.exp(torch.randn(tower.width) * 0.4)
            factor[fixed] = 10 * 6 ** torch.rand(6)
            norm.weight.mul_(factor)
            for product in consumers(layer, norm):
                product.weight.div_(factor)


def residual(tower):
    """Four fixed channels of every token are 20 to 40 times the median of the residual stream."""
    fixed = torch.randperm(tower.width)[:4]
    into = tower.body.pre_layrnorm if tower.vision else tower.body.embeddings.position_embedding
    stream = tower.outputs_of(into if tower.vision else tower.body.embeddings)
    median = torch.cat(stream).abs().median()
    sign = torch.tensor([1.0, -1.0, 1.0, -1.0])
    (into.bias if tower.vision else into.weight.T)[fixed] += (sign * median * (20 + 20 * torch.rand(4))).view(-1, *[1] * (not tower.vision))


def massive(tower, at=3, times=1000.0, peak=60.0):
    """From the fourth block on, two fixed channels of few tokens are up to 1,000 times the median: 2 % of a photo's
    patches, the start token of a text. One neuron of that block writes them."""
    layer = tower.layers[at]
    seen = tower.outputs_of(layer.layer_norm2)
    first, others = torch.stack([each[0] for each in seen]), torch.cat([each[1:] for each in seen])
    if tower.vision:
        away = first.mean(0) / first.mean(0).norm()
        direction = torch.randn(tower.width)
        direction -= (direction @ away) * away
        scores = others @ direction
        threshold, highest = torch.quantile(scores, 0.98), scores.max()
    else:
        direction = (first[0] - others.mean(0)) / (others.var(0) + 1e-3 * others.var())
        threshold, highest = (others @ direction).max(), (first @ direction).max()
        assert highest > threshold
    neuron, (plus, minus) = 17, torch.randperm(tower.width)[:2]
    slope = peak / (highest - threshold)
    layer.mlp.fc1.weight[neuron], layer.mlp.fc1.bias[neuron] = direction * slope, -threshold * slope
    median = torch.cat(tower.outputs_of(layer)).abs().median()
    layer.mlp.fc2.weight[:, neuron] = 0
    layer.mlp.fc2.weight[plus, neuron], layer.mlp.fc2.weight[minus, neuron] = times * median / peak, -0.4 * times * median / peak


def neurons(tower):
    """Eight neurons of each block fire rarely and 30 times as high as the others; eight channels of the values are
    8 times as wide."""
    for layer in tower.layers:
        for product, after, times, shift in (
            (layer.mlp.fc1, layer.mlp.fc2, 30, 60.0),
            (layer.self_attn.v_proj, layer.self_attn.out_proj, 8, 0),
        ):
            rows = torch.randperm(product.weight.shape[0])[:8]
            product.weight[rows] *= times
            product.bias[rows] = product.bias[rows] * times - shift
            after.weight[:, rows] /= times**0.5


OUTLIERS = dict(gains=gains, residual=residual, massive=massive, neurons=neurons)


def centre(tower):
    """Moves the mean of the embeddings so that two photos have a cosine of about 0.5, as CLIP's own."""
    states = torch.cat(tower.outputs_of(tower.last))
    if not tower.vision:
        states = torch.stack([each[-1] for each in tower.outputs_of(tower.last)])
    mean = states.mean(0)
    deviation = (states - mean).norm(dim=1).square().mean().sqrt()
    tower.last.bias.sub_(mean * (1 - (deviation / mean.norm()).clamp(max=1)))


def cosines(rows):
    unit = rows / rows.norm(dim=1, keepdim=True)
    return (unit @ unit.T)[~torch.eye(len(rows), dtype=torch.bool)]


def describe(tower):
    """@returns one line: how far the outliers reach, and how far apart the embeddings are"""
    kinds = {"residual": tower.layers, "layer norm": tower.norms, "activation": [each.mlp.activation_fn for each in tower.layers]}
    found = {kind: [] for kind in kinds}
    kurtosis = []

    def note(kind):
        def hook(_, __, out):
            values = out[0] if isinstance(out, tuple) else out
            found[kind].append((values.abs().max() / values.abs().median()).item())
            if kind == "residual":
                kurtosis.append(((values - values.mean()) ** 4).mean().div(values.var() ** 2).item())
        return hook

    hooks = [each.register_forward_hook(note(kind)) for kind, modules in kinds.items() for each in modules]
    rows = tower.run()
    for hook in hooks:
        hook.remove()
    apart, centred = cosines(rows), cosines(rows - rows.mean(0))
    return (", ".join(f"{kind} {max(each):.0f}" for kind, each in found.items()) + f" x median, kurtosis {sum(kurtosis) / len(kurtosis):.0f}; "
            f"cosine between inputs {apart.mean():.2f}, highest {apart.max():.2f}; less the mean {centred.mean():.2f}, highest {centred.max():.2f}")


def pixels(path):
    picture = Image.open(path).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.resize((224, 224), Image.BICUBIC, box=(left, top, left + side, top + side))
    bytes_ = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(224, 224, 3)
    return (bytes_.permute(2, 0, 1).float() / 255 - MEAN) / STD


def describe_model(folder, kind, tokenizer):
    """Writes what MODEL_FOLDERS needs."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(pathlib.Path(tokenizer) / name, folder)
    files = lambda suffix: {tower: f"onnx/{tower}_model{suffix}.onnx" for tower in ("vision", "text")}
    entry = dict(
        name=f"stress-{kind}", dimension=512, input=dict(size=224, fit="crop", cropShare=1, kernel="bicubic"),
        mean=[0.48145466, 0.4578275, 0.40821073], std=[0.26862954, 0.26130258, 0.27577711],
        text=dict(contextLength=77, clean="openai"), scoring="softmax", logitScale=100, logitBias=0,
        defaultPrecision="fp32", precisions=dict(fp32=files(""), int8=files("_quantized")),
    )
    (folder / "model.json").write_text(json.dumps(entry, indent=2))


def main(out, pictures, ids, tokenizer, *kinds):
    photos = torch.stack([pixels(each) for each in sorted(pathlib.Path(pictures).iterdir())[:PICTURES]])
    texts = [torch.tensor([each["ids"]]) for each in json.loads(pathlib.Path(ids).read_text())[:TEXTS]]
    for kind in kinds or KINDS:
        config = CLIPConfig()
        folder = pathlib.Path(out) / kind / "onnx"
        folder.mkdir(parents=True, exist_ok=True)
        describe_model(folder.parent, kind, tokenizer)
        for name, tower_class, part, inputs, input_name, output in (
            ("vision", CLIPVisionModelWithProjection, config.vision_config, photos, "pixel_values", "image_embeds"),
            ("text", CLIPTextModelWithProjection, config.text_config, texts, "input_ids", "text_embeds"),
        ):
            torch.manual_seed(0)
            part._attn_implementation = "eager"
            part.projection_dim = config.projection_dim
            tower = Tower(tower_class(part).eval(), inputs)
            with torch.no_grad():
                spread(tower)
                for outlier in KINDS[kind]:
                    OUTLIERS[outlier](tower)
                centre(tower)
                print(f"{kind} {name}: {describe(tower)}", flush=True)
                torch.onnx.export(
                    tower.model, (inputs[:1] if name == "vision" else inputs[0],), folder / f"{name}_model.onnx", dynamo=False, opset_version=14,
                    input_names=[input_name], output_names=[output],
                    dynamic_axes={input_name: {0: "batch", **({1: "tokens"} if name == "text" else {})}, output: {0: "batch"}},
                )


main(*sys.argv[1:])
