/**
 * The rules of a SentencePiece model for rewriting text, `precompiled_charsmap`: mostly NFKC of the Unicode version of the
 * time, with control characters removed and spaces made equal. A string of bytes in UTF-8 has a replacement.
 * https://github.com/google/sentencepiece/blob/master/src/normalizer.cc (DecodePrecompiledCharsMap)
 */
export class Charsmap {
  /** A double array: units of a trie over bytes (https://github.com/s-yata/darts-clone). */
  readonly #units: Uint32Array
  /** Replacements, each ended by a zero byte. */
  readonly #replacements: Buffer

  /** @param base64 size of the trie in bytes, the trie, the replacements. @throws RangeError when it is cut off */
  constructor(base64: string) {
    const bytes = Buffer.from(base64, 'base64')
    const size = bytes.readUInt32LE(0)
    if (size % 4 !== 0 || size + 4 > bytes.length)
      throw new RangeError(`expected a trie of ${size} bytes, found ${bytes.length - 4}`)
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i))
    this.#replacements = bytes.subarray(4 + size)
  }

  /** Returns the replacement of the shortest string that `text` begins with and that has one. */
  replacementOf(text: string): string | undefined {
    for (const { replacement } of this.#matches(UTF_8.encode(text), 0)) return this.#replacementAt(replacement)
    return undefined
  }

  /** Returns the text with the longest strings that have a replacement replaced, from its beginning on. */
  rewrite(text: string): string {
    const bytes = UTF_8.encode(text)
    let rewritten = ''
    for (let from = 0; from < bytes.length; ) {
      let longest: Match | undefined
      for (const match of this.#matches(bytes, from)) longest = match
      if (longest !== undefined) {
        rewritten += this.#replacementAt(longest.replacement)
        from = longest.end
      } else {
        const end = endOfCharacter(bytes, from)
        rewritten += DECODER.decode(bytes.subarray(from, end))
        from = end
      }
    }
    return rewritten
  }

  /** The strings with a replacement that begin at a byte, shortest first. */
  *#matches(bytes: Uint8Array, from: number): Generator<Match> {
    const units = this.#units
    let position = offsetOf(units[0]!)
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i]!
      if (byte === 0) return
      position ^= byte
      const unit = units[position]
      if (unit === undefined || (unit & LABEL) >>> 0 !== byte) return
      position ^= offsetOf(unit)
      if (unit & HAS_LEAF) yield { end: i + 1, replacement: (units[position]! & VALUE) >>> 0 }
    }
  }

  #replacementAt(start: number): string {
    return this.#replacements.toString('utf8', start, this.#replacements.indexOf(0, start))
  }
}

/** `end`: the byte after it. `replacement`: where its replacement begins. */
interface Match {
  readonly end: number
  readonly replacement: number
}

const UTF_8 = new TextEncoder()
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

function endOfCharacter(bytes: Uint8Array, from: number): number {
  let end = from + 1
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end++
  return end
}

const HAS_LEAF = 0x100
const VALUE = 0x7fff_ffff
const LABEL = 0x8000_00ff

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}
