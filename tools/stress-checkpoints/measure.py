#!/usr/bin/env python3
"""What int8 costs: for each checkpoint and scheme, the embeddings against those in float32.

usage: measure.py CHECKPOINTS PICTURES IDS CACHE [--photos N] [--alone N] [--kinds A,B] [--schemes A,B] [--speed ROUNDS]
                  [--made MODELS_DIR]

The scheme "made" is the precision int8-smooth as this program made it: MODELS_DIR/stress-KIND/onnx.

Photos are embedded in runs of 8, and the first N of --alone also one by one; texts always one by one.

CHECKPOINTS is the OUT of make.py, or any folder of folders with onnx/{vision,text}_model.onnx. Prints one line per
kind and scheme, and one JSON object per line into CACHE/results.jsonl. CACHE also keeps the float32 embeddings.
"""
import argparse
import json
import pathlib
import time

import numpy
import onnx
import onnxruntime
from PIL import Image

import schemes

# Warnings about constants that a change left unused.
onnxruntime.set_default_logger_severity(3)
MEAN = numpy.float32([0.48145466, 0.4578275, 0.40821073]).reshape(1, 3, 1, 1)
STD = numpy.float32([0.26862954, 0.26130258, 0.27577711]).reshape(1, 3, 1, 1)
BATCH, CALIBRATION = 8, 16


def square(path):
    picture = Image.open(path).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return numpy.asarray(picture.resize((224, 224), Image.BICUBIC, box=(left, top, left + side, top + side))).transpose(2, 0, 1)


def cached(path, make):
    if not path.exists():
        numpy.save(path, make())
    return numpy.load(path)


def open_session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def vision_feeds(session, photos, size):
    name = session.get_inputs()[0].name
    return [{name: (photos[i : i + size].astype(numpy.float32) / 255 - MEAN) / STD} for i in range(0, len(photos), size)]


def text_feeds(session, texts):
    types = {each.name: numpy.int32 if "int32" in each.type else numpy.int64 for each in session.get_inputs()}
    return [{name: (numpy.ones_like(each) if name == "attention_mask" else each).astype(kind) for name, kind in types.items()} for each in texts]


def embed(session, feeds):
    rows = numpy.concatenate([session.run(None, feed)[0] for feed in feeds]).astype(numpy.float64)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def unit(rows):
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def cosine(rows, true, mean=0):
    each = (unit(rows - mean) * unit(true - mean)).sum(1)
    return [round(float(value), 5) for value in (numpy.median(each), numpy.percentile(each, 5))]


def top10(queries, photos, same):
    scores = queries @ photos.T
    if same:
        numpy.fill_diagonal(scores, -2)
    return numpy.argsort(-scores, axis=1)[:, :10]


def overlap(found, true):
    return round(float(numpy.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true)])), 3)


def main():
    parser = argparse.ArgumentParser()
    for name in ("checkpoints", "pictures", "ids", "cache"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--photos", type=int, default=700)
    parser.add_argument("--alone", type=int, default=700)
    parser.add_argument("--kinds")
    parser.add_argument("--schemes", default=",".join(schemes.SCHEMES))
    parser.add_argument("--speed", type=int, default=0)
    parser.add_argument("--made", type=pathlib.Path)
    options = parser.parse_args()
    options.cache.mkdir(exist_ok=True)
    everything = cached(options.cache / "photos.npy", lambda: numpy.stack([square(each) for each in sorted(options.pictures.iterdir())]))
    # Pictures for the calibration are the last ones: they are measured only in the full run.
    photos = everything[: options.photos]
    ids = [numpy.array([each["ids"]], numpy.int64) for each in json.loads(options.ids.read_text())[:150]]
    kinds = options.kinds.split(",") if options.kinds else sorted(each.parent.name for each in options.checkpoints.glob("*/onnx"))
    for kind in kinds:
        folder = options.checkpoints / kind / "onnx"
        images = onnx.load(folder / "vision_model.onnx")
        words = onnx.load(folder / "text_model.onnx") if (folder / "text_model.onnx").exists() else None
        session = open_session(images)
        calibration = vision_feeds(session, everything[-CALIBRATION:], 1)
        true = cached(options.cache / f"{kind}-vision-{options.photos}.npy", lambda: embed(session, vision_feeds(session, photos, BATCH)))
        if words:
            text_session = open_session(words)
            texts = text_feeds(text_session, ids)
            true_text = embed(text_session, texts)
            lexicon = text_feeds(text_session, [each for each in ids[::10]])
        mean = true.mean(0)
        for scheme in options.schemes.split(","):
            make = maker(scheme, kind, "vision", options)
            model = make(images, calibration)
            session = open_session(model)
            start = time.perf_counter()
            found = embed(session, vision_feeds(session, photos, BATCH))
            took = (time.perf_counter() - start) / len(photos) * 1000
            row = dict(kind=kind, scheme=scheme, photos=len(photos), bytes=model.ByteSize(), ms=round(took, 1),
                       vision=cosine(found, true), vision_centred=cosine(found, true, mean), photo_to_photo=overlap(top10(found, found, True), top10(true, true, True)))
            if options.alone:
                alone = embed(session, vision_feeds(session, photos[: options.alone], 1))
                row |= dict(vision_alone=cosine(alone, true[: options.alone]), vision_alone_centred=cosine(alone, true[: options.alone], mean),
                            company=cosine(alone, found[: options.alone]),
                           photo_to_photo_alone=overlap(top10(alone, alone, True), top10(true[: options.alone], true[: options.alone], True)))
            if words:
                model = maker(scheme, kind, "text", options)(words, lexicon)
                found_text = embed(open_session(model), texts)
                row |= dict(text=cosine(found_text, true_text), text_centred=cosine(found_text, true_text, true_text.mean(0)), text_bytes=model.ByteSize(),
                            text_to_photo=overlap(top10(found_text, found, False), top10(true_text, true, False)))
                if options.alone:
                    row |= dict(text_to_photo_alone=overlap(top10(found_text, alone, False), top10(true_text, true[: options.alone], False)))
            print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
            with open(options.cache / "results.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")
        if options.speed:
            speed(images, options, calibration, photos, kind)


def maker(scheme, kind, tower, options):
    if scheme != "made":
        return schemes.SCHEMES[scheme]
    path = options.made / f"stress-{kind}" / "onnx" / f"{tower}_model_int8_smooth.onnx"
    return lambda model, feeds: onnx.load(path)


def speed(images, options, calibration, photos, kind):
    """Interleaved rounds of one call each, so that all schemes see the same machine. Prints ratios to the first scheme."""
    sessions = {name: open_session(maker(name, kind, "vision", options)(images, calibration)) for name in options.schemes.split(",")}
    feed = vision_feeds(next(iter(sessions.values())), photos[:BATCH], BATCH)[0]
    times = {name: [] for name in sessions}
    for _ in range(options.speed):
        for name, session in sessions.items():
            start = time.process_time()
            session.run(None, feed)
            times[name].append((time.process_time() - start) * 1000 / BATCH)
    first = numpy.array(next(iter(times.values())))
    for name, each in times.items():
        print(f"speed {kind} {name}: {numpy.median(each):.1f} ms per photo, {numpy.median(numpy.array(each) / first):.2f} of the first", flush=True)


main()
