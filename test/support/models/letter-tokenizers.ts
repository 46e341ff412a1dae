/** Tokenizers of single letters, as `tokenizer.json` has them. */

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz0123456789', '▁']
const UNKNOWN = LETTERS.length
const START = UNKNOWN + 1
export const END = UNKNOWN + 2
export const VOCABULARY = UNKNOWN + 3

const added = (id: number, content: string) => ({
  id,
  content,
  special: true,
  normalized: false,
  single_word: false,
  lstrip: false,
  rstrip: false,
})

/** A start and an end token around letters. */
export const CLIP_TOKENIZER = {
  version: '1.0',
  added_tokens: [added(START, '<|startoftext|>'), added(END, '<|endoftext|>')],
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: {
    type: 'RobertaProcessing',
    trim_offsets: false,
    cls: ['<|startoftext|>', START],
    sep: ['<|endoftext|>', END],
  },
  decoder: null,
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    vocab: {
      ...Object.fromEntries(LETTERS.map((letter, id) => [letter, id])),
      '<unk>': UNKNOWN,
      '<|startoftext|>': START,
      '<|endoftext|>': END,
    },
    merges: [],
  },
}

/** As T5's: an end token alone, words told apart by their first piece, and no lower-casing of its own. */
export const SIGLIP_TOKENIZER = {
  version: '1.0',
  added_tokens: [added(END, '</s>')],
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', add_prefix_space: true, prepend_scheme: 'always' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
    pair: [],
    special_tokens: { '</s>': { id: '</s>', ids: [END], tokens: ['</s>'] } },
  },
  decoder: { type: 'Metaspace', replacement: '▁', add_prefix_space: true },
  model: {
    type: 'Unigram',
    unk_id: UNKNOWN,
    vocab: [...LETTERS.map(letter => [letter, -1]), ['<unk>', -10], ['<s>', -10], ['</s>', 0]],
  },
}
