#!/usr/bin/env python3
"""How long ONNX Runtime from Python takes to embed one prompt: tokenise, run the text tower, divide by the norm.

usage: onnxruntime_text.py MODEL_FOLDER TOWER THREADS < prompts

TOWER    relative to MODEL_FOLDER
THREADS  0: the runtime's default
Reads a JSON list of prompts. Prints one JSON object: milliseconds to open, for a first text, and for each prompt.
"""
import json
import pathlib
import sys
import time


def main():
    prompts = json.load(sys.stdin)
    folder, tower, threads = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    began = time.perf_counter()
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(77)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / tower), options, providers=["CPUExecutionProvider"])
    opened = time.perf_counter()
    types = {entry.name: np.int32 if "int32" in entry.type else np.int64 for entry in session.get_inputs()}

    def encode(text):
        start = time.perf_counter()
        encoding = tokenizer.encode(text)
        known = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
        feeds = {name: np.array([known[name]], dtype) for name, dtype in types.items()}
        vector = session.run(["text_embeds"], feeds)[0][0]
        vector / np.linalg.norm(vector)
        return 1000 * (time.perf_counter() - start)

    first = encode("the first of all")
    before = time.process_time()
    ms = [encode(prompt) for prompt in prompts]
    core = 1000 * (time.process_time() - before) / len(prompts)
    print(json.dumps({"openMs": 1000 * (opened - began), "firstMs": first, "ms": ms, "coreMs": core}))


if __name__ == "__main__":
    main()
