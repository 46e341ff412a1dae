#!/usr/bin/env python3
"""How fast a careful user of each current runtime embeds photos with CLIP ViT-B/32: decode and preprocess with Pillow,
unit vectors out. One process per core with one thread each is the best layout on few cores.

usage: peers.py SYSTEM MODEL_FOLDER IMAGE_FOLDER [--count 700] [--processes 2] [--threads 1] [--batch 8] [--pixels]

SYSTEM        torch-fp32, torch-bf16, torch-compile, onnxruntime-fp32, onnxruntime-int8, openvino-fp32 (held to 32
              bits), openvino-bf16 (its own choice where the CPU has bfloat16), openvino-int8 (quantised by nncf with
              every seventh photo)
MODEL_FOLDER  as hub_twin.py writes it: a checkpoint and onnx/
--pixels      pixels are computed beforehand: the model alone

Prints one JSON line. Loading, compiling, quantising and the first batches are not counted.
"""
import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import resource
import sys
import time
from queue import Empty

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SIDE = 224


def square(file):
    """The centre of a picture, SIDE by SIDE RGB bytes, as CLIP's own preprocessing makes it."""
    from PIL import Image

    image = Image.open(file).convert("RGB")
    width, height = image.size
    scale = SIDE / min(width, height)
    size = (max(SIDE, int(width * scale)), max(SIDE, int(height * scale)))
    image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = round((image.width - SIDE) / 2), round((image.height - SIDE) / 2)
    return image.crop((left, top, left + SIDE, top + SIDE))


def pixels(file):
    import numpy as np

    values = np.asarray(square(file), dtype=np.float32) / 255
    return ((values - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)


def torch_encoder(kind, folder, threads):
    import torch
    from transformers import CLIPVisionModelWithProjection

    torch.set_num_threads(threads)
    model = CLIPVisionModelWithProjection.from_pretrained(folder).eval()
    if kind == "compile":
        model = torch.compile(model)
    precision = torch.autocast("cpu", dtype=torch.bfloat16) if kind == "bf16" else contextlib.nullcontext()

    def run(batch):
        with torch.inference_mode(), precision:
            return model(pixel_values=torch.from_numpy(batch)).image_embeds.float().numpy()

    return run


def onnxruntime_encoder(kind, folder, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    file = folder / "onnx" / ("vision_model_quantized.onnx" if kind == "int8" else "vision_model.onnx")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["image_embeds"], {"pixel_values": batch})[0]


def openvino_encoder(kind, folder, threads):
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    if kind == "fp32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    file = quantised_file(folder) if kind == "int8" else folder / "onnx" / "vision_model.onnx"
    compiled = openvino.Core().compile_model(str(file), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda batch: request.infer({0: batch})[compiled.output(0)]


def quantised_file(folder):
    return folder / "openvino-int8.xml"


def quantise(folder, files):
    """Writes the int8 model of OpenVINO beside the others, once."""
    if quantised_file(folder).exists():
        return
    import nncf
    import numpy as np
    import openvino

    data = nncf.Dataset([np.stack([pixels(file)]) for file in files], lambda item: item)
    model = openvino.Core().read_model(str(folder / "onnx" / "vision_model.onnx"))
    quantised = nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(files))
    openvino.save_model(quantised, str(quantised_file(folder)))


ENCODERS = {"torch": torch_encoder, "onnxruntime": onnxruntime_encoder, "openvino": openvino_encoder}


def work(arguments, files, ready, start, ended):
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import numpy as np

    runtime, _, kind = arguments.system.partition("-")
    run = ENCODERS[runtime](kind, arguments.model, arguments.threads)
    known = {file: pixels(file) for file in files} if arguments.pixels else None

    def embed(some):
        vectors = run(np.ascontiguousarray(np.stack([known[file] if known else pixels(file) for file in some])))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    for size in (arguments.batch, arguments.batch, len(files) % arguments.batch):
        if size:
            embed(files[:size])
    ready.put(1)
    start.wait()
    before = time.process_time()
    total = sum(len(embed(files[at : at + arguments.batch])) for at in range(0, len(files), arguments.batch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    ended.put((time.monotonic(), total, time.process_time() - before, peak))


def first_of_all(queue, workers):
    """One message per worker; ends this process when a worker ended without."""
    messages = []
    while len(messages) < len(workers):
        with contextlib.suppress(Empty):
            messages.append(queue.get(timeout=1))
        if any(worker.exitcode for worker in workers):
            sys.exit("a worker process failed")
    return messages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=700)
    for name, default in (("processes", 2), ("threads", 1), ("batch", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pixels", action="store_true")
    arguments = parser.parse_args()
    files = sorted(map(str, arguments.images.glob("*.jpg")))[: arguments.count]
    context = multiprocessing.get_context("spawn")
    if arguments.system == "openvino-int8":
        once = context.Process(target=quantise, args=(arguments.model, files[::7]))
        once.start()
        once.join()
    ready, ended, start = context.Queue(), context.Queue(), context.Event()
    parts = [files[index :: arguments.processes] for index in range(arguments.processes)]
    workers = [context.Process(target=work, args=(arguments, part, ready, start, ended)) for part in parts]
    for worker in workers:
        worker.start()
    first_of_all(ready, workers)
    began = time.monotonic()
    start.set()
    results = first_of_all(ended, workers)
    for worker in workers:
        worker.join()
    images = sum(total for _, total, _, _ in results)
    print(
        json.dumps(
            {
                "system": arguments.system,
                "images": images,
                "images_per_s": round(images / (max(at for at, *_ in results) - began), 2),
                "core_ms_per_image": round(1000 * sum(seconds for _, _, seconds, _ in results) / images, 2),
                "peak_mib": max(peak for *_, peak in results),
            }
        )
    )


if __name__ == "__main__":
    main()
