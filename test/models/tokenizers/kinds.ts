import type { TextInput } from '../../../src/models/catalog/entry.js'

interface Kind {
  /** What models with such a tokenizer say in their model.json. */
  input: TextInput
  /** Texts that get other tokens than in the library, and why. */
  except?: RegExp
}

export const KINDS: Readonly<Record<string, Kind>> = {
  // The library takes them for special tokens before it drops the punctuation: words of a person are words here.
  siglip: { input: { contextLength: 64, lowerCase: true, dropPunctuation: true }, except: /<\/s>|<unk>/i },
  // Lower case makes the text a special token as a whole.
  siglip2: { input: { contextLength: 64, lowerCase: true }, except: /^<\/S>$/ },
  'xlm-roberta': { input: { contextLength: 64 } },
  clip: {
    input: { contextLength: 77, clean: 'openai' },
    // Special tokens have other names in open_clip; capitals that Unicode has since version 15, and Python 3.11 has not.
    except: /<\||[\u1c89\ua7cb-\ua7ce\ua7d2\ua7d4\ua7da\ua7dc\u{10d50}-\u{10d65}\u{16ea0}-\u{16eb8}]/u,
  },
}

/** A text, and what the library of the model makes of it: see library.py. */
export interface Row {
  text: string
  ids: number[]
}
