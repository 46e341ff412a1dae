import type { Tensor } from 'onnxruntime-node'
import type { TextInput } from '../catalog/entry.js'
import type { Inputs } from './signature.js'
import { loadTokenizer, type TextTokenizer } from './tokenizer.js'
import { feedsOfIds, fixedLength } from './tower.js'

/** Turns texts into the inputs of a text tower. */
export class TextFeeds {
  private constructor(
    private readonly tokenizer: TextTokenizer,
    private readonly inputs: Inputs,
    /** Length and id for padding every sequence. Undefined: no padding. */
    private readonly padding: { readonly length: number; readonly id: number } | undefined,
  ) {}

  /**
   * @param folder of the tokenizer
   * @throws AppError MODEL_INVALID when its files are unusable
   */
  static async open(folder: string, text: TextInput, inputs: Inputs): Promise<TextFeeds> {
    const tokenizer = await loadTokenizer(folder, text.contextLength, text)
    const isPadded = text.padId !== undefined || fixedLength(inputs) !== undefined
    // Without padding in the model, tokens behind the end token do not count: CLIP attends only backwards.
    const padding = isPadded ? { length: text.contextLength, id: text.padId ?? tokenizer.endId } : undefined
    return new TextFeeds(tokenizer, inputs, padding)
  }

  /** @param onCut gets the number of tokens of a text that is too long */
  of(text: string, onCut?: (tokens: number) => void): Record<string, Tensor> {
    const ids = this.tokenizer.encode(text, onCut)
    const { padding } = this
    const filled = padding ? [...ids, ...new Array(padding.length - ids.length).fill(padding.id)] : ids
    return feedsOfIds(this.inputs, filled, ids.length)
  }
}
