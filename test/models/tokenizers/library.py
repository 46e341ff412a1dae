"""Tokenizers in the configuration of published models, and what their libraries make of texts.

    python library.py FOLDER [--vocabulary 3000] [--texts 1000] [--only NAME,NAME]
    python library.py golden --vocabulary 700 --texts 450 --only siglip,siglip2,xlm-roberta --packed

For each of siglip, siglip2, xlm-roberta and clip: FOLDER/NAME/tokenizer.json, tokenizer_config.json and ids.json, a list of
{"text", "ids"}. siglip, siglip2 and xlm-roberta are trained here by SentencePiece's own trainer, with the settings of T5's,
Gemma's and XLM-R's files, and converted by transformers; clip has the real vocabulary, of open_clip_torch (its wheel is
enough: pip install --no-deps). ids come from sentencepiece through transformers' SiglipTokenizer; from
transformers' GemmaTokenizerFast, in lower case as Siglip2Tokenizer of transformers 5; from XLMRobertaTokenizerFast; and from OpenAI's
own tokenizer, with ftfy. --packed writes FOLDER/NAME.json.gz instead, with all three: what tokenizers.test.ts reads.
"""
import argparse, gzip, importlib.util, json, os, shutil, sys, types
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, normalizers
from transformers import CLIPTokenizerFast, GemmaTokenizer, SiglipTokenizer, XLMRobertaTokenizer
from transformers.convert_slow_tokenizer import GemmaConverter, SpmConverter, T5Converter, XLMRobertaConverter
from transformers import GemmaTokenizerFast, XLMRobertaTokenizerFast

from texts import corpus, texts

CONTEXT = 64


def train(folder, vocabulary, **settings):
    """A SentencePiece model, trained by its own trainer."""
    lines = folder / "corpus.txt"
    lines.write_text("\n".join(line.replace("\n", " ") for line in corpus()), encoding="utf-8")
    prefix = folder / "spiece"
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(prefix), vocab_size=vocabulary, hard_vocab_limit=False, num_threads=2,
        minloglevel=2, **settings
    )
    lines.unlink()
    return f"{prefix}.model"


def save(folder, tokenizer, config, ids):
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    rows = [{"text": text, "ids": ids(text)} for text in ALL]
    (folder / "ids.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def siglip(folder, vocabulary):
    """T5's configuration of SentencePiece: Unigram, nmt_nfkc, no byte fallback. Lower case, and no punctuation."""
    path = train(folder, vocabulary, model_type="unigram", normalization_rule_name="nmt_nfkc", character_coverage=0.9995,
                 pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    slow = SiglipTokenizer(path, do_lower_case=True, model_max_length=CONTEXT, pad_token="</s>")
    slow._extra_ids = 0
    fast = T5Converter(slow).converted()
    config = {"tokenizer_class": "SiglipTokenizer", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    save(folder, fast, config, lambda text: slow(text, truncation=True, max_length=CONTEXT)["input_ids"])


def siglip2(folder, vocabulary):
    """Gemma's configuration of SentencePiece: BPE with byte fallback, no normalization, digits apart."""
    path = train(folder, vocabulary, model_type="bpe", normalization_rule_name="identity", byte_fallback=True,
                 remove_extra_whitespaces=False, add_dummy_prefix=False, split_digits=True, allow_whitespace_only_pieces=True,
                 pad_id=0, eos_id=1, bos_id=2, unk_id=3, user_defined_symbols=["<mask>", "<unused0>", "<unused1>", "<start_of_turn>", "\n", "\n\n", "▁▁", "▁▁▁"])
    slow = GemmaTokenizer(path, add_bos_token=False, add_eos_token=True)
    backend = GemmaConverter(slow).converted()
    options = dict(add_bos_token=False, add_eos_token=True, padding_side="right")
    backend = GemmaTokenizerFast(tokenizer_object=backend, **options).backend_tokenizer
    # As Siglip2Tokenizer of transformers 5 does: the published tokenizer.json does not.
    lower = GemmaTokenizerFast(tokenizer_object=Tokenizer.from_str(backend.to_str()), **options)
    lower.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), backend.normalizer])
    config = {"tokenizer_class": "GemmaTokenizer", "add_bos_token": False, "add_eos_token": True, "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    save(folder, backend, config, lambda text: lower(text, truncation=True, max_length=CONTEXT)["input_ids"])


def xlm_roberta(folder, vocabulary):
    """XLM-R's configuration of SentencePiece: Unigram, nmt_nfkc; its ids are shifted, as fairseq does."""
    path = train(folder, vocabulary, model_type="unigram", normalization_rule_name="nmt_nfkc", character_coverage=0.9995,
                 unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    slow = XLMRobertaTokenizer(path)
    fast = XLMRobertaTokenizerFast(tokenizer_object=XLMRobertaConverter(slow).converted())
    config = {"tokenizer_class": "XLMRobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    save(folder, fast.backend_tokenizer, config, lambda text: fast(text, truncation=True, max_length=CONTEXT)["input_ids"])


def open_clip_tokenizer():
    """The module with OpenAI's tokenizer, without torch."""
    torch = types.ModuleType("torch")
    torch.LongTensor = torch.Tensor = object
    torch.long = None
    sys.modules.setdefault("torch", torch)
    package = importlib.util.find_spec("open_clip").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", f"{package}/tokenizer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def clip(folder, _vocabulary):
    """OpenAI's vocabulary."""
    openai = open_clip_tokenizer().SimpleTokenizer()
    names = {openai.sot_token_id: "<|startoftext|>", openai.eot_token_id: "<|endoftext|>"}
    vocab = {names.get(id, token): id for token, id in openai.encoder.items()}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    merges = sorted(openai.bpe_ranks, key=openai.bpe_ranks.get)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n", encoding="utf-8")
    fast = CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))

    def ids(text):
        tokens = [openai.sot_token_id, *openai.encode(text), openai.eot_token_id]
        return tokens if len(tokens) <= 77 else [*tokens[:76], openai.eot_token_id]

    config = {"tokenizer_class": "CLIPTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    save(folder, fast.backend_tokenizer, config, ids)


parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--vocabulary", type=int, default=3000)
parser.add_argument("--texts", type=int, default=1000)
parser.add_argument("--packed", action="store_true")
parser.add_argument("--only", default="siglip,siglip2,xlm-roberta,clip")
options = parser.parse_args()
ALL = texts(options.texts)
MAKERS = {"siglip": siglip, "siglip2": siglip2, "xlm-roberta": xlm_roberta, "clip": clip}
for name in options.only.split(","):
    folder = options.folder / name
    os.makedirs(folder, exist_ok=True)
    MAKERS[name](folder, options.vocabulary)
    if options.packed:
        read = lambda file: json.loads((folder / file).read_text())
        whole = {"tokenizer": read("tokenizer.json"), "config": read("tokenizer_config.json"), "rows": read("ids.json")}
        with gzip.GzipFile(options.folder / f"{name}.json.gz", "wb", mtime=0) as packed:
            packed.write(json.dumps(whole).encode())
        shutil.rmtree(folder)
