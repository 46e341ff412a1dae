import { posix } from 'node:path'
import { AppError } from '../../domain/errors.js'
import type { ListedFile, Listing } from './sources/repository.js'

/** What the caller wants of the files, by options. */
export interface Choice {
  readonly precision?: string
  /** Paths of the towers at the source. */
  readonly vision?: string
  readonly text?: string
  readonly imagesOnly?: boolean
}

/** The files of a source that make a model. Each `undefined` is absent there. */
export interface ChosenFiles {
  readonly vision: ListedFile
  /** The same file when it has both towers. */
  readonly text?: ListedFile
  /** As the names say it; undefined: they say nothing. */
  readonly precision?: string
  readonly config?: ListedFile
  readonly openClipConfig?: ListedFile
  /** preprocessor_config.json, processor_config.json, or open_clip's preprocess_cfg.json. */
  readonly preprocessor?: ListedFile
  readonly tokenizer?: ListedFile
  readonly tokenizerConfig?: ListedFile
}

type Role = 'vision' | 'text' | 'both'
interface OnnxFile {
  readonly file: ListedFile
  readonly role: Role
  readonly precision: string
  /** Words of its name that say neither the tower nor the precision. */
  readonly others: number
}

const VISION_WORDS = new Set(['vision', 'visual', 'image', 'img', 'images'])
const TEXT_WORDS = new Set(['text', 'textual', 'texts'])
/** Words that say nothing. */
const PLAIN_WORDS = new Set(['model', 'encoder', 'tower', 'clip', 'onnx', 'fp32', 'float32'])
/** Names of precisions in transformers.js (utils/dtypes.js) and in exporters, and ours. */
const PRECISION_WORDS: ReadonlyMap<string, string> = new Map([
  ['fp16', 'fp16'],
  ['float16', 'fp16'],
  ['half', 'fp16'],
  ['quantized', 'int8'],
  ['int8', 'qint8'],
  ['uint8', 'quint8'],
  ['q4', 'q4'],
  ['q4f16', 'q4f16'],
  ['bnb4', 'bnb4'],
])
/** The first that a source has is the default: exact first. */
const PREFERRED = ['fp32', 'fp16', 'int8', 'qint8', 'quint8', 'q4', 'bnb4', 'q4f16']

/**
 * Chooses the files of a model from the list of its source, by their names.
 * @throws AppError MODEL_INVALID that says what is missing and what to do; USAGE for an option that names no file
 */
export function chooseFiles(source: string, { files }: Listing, choice: Choice): ChosenFiles {
  const find = (path: string, option: string) => {
    const found = files.find(file => file.path === path)
    if (found) return found
    throw new AppError('USAGE', `${option} expects a file of ${source}, found ${path}. It has ${paths(onnxOf(files))}.`)
  }
  const towers =
    choice.vision === undefined
      ? chooseTowers(source, files, choice)
      : {
          vision: find(choice.vision, '--vision'),
          text: choice.text === undefined ? undefined : find(choice.text, '--text'),
          precision: choice.precision,
        }
  const near = (...names: string[]) => nearest(files, names)
  const tokenizer = towers.text && near('tokenizer.json')
  return {
    ...towers,
    config: near('config.json'),
    openClipConfig: near('open_clip_config.json'),
    preprocessor: near('preprocessor_config.json', 'processor_config.json', 'preprocess_cfg.json'),
    tokenizer,
    tokenizerConfig: tokenizer && near(posix.join(posix.dirname(tokenizer.path), 'tokenizer_config.json')),
  }
}

function chooseTowers(
  source: string,
  files: readonly ListedFile[],
  { precision: wanted, imagesOnly = false }: Choice,
): Pick<ChosenFiles, 'vision' | 'text' | 'precision'> {
  const all = onnxOf(files).map(describe)
  if (all.length === 0)
    throw missing(
      source,
      `no ONNX file${files.some(({ path }) => /\.(safetensors|bin|pt|pth)$/.test(path)) ? ', only weights of PyTorch, which this program does not read' : ''}`,
      'Export it, for example with `optimum-cli export onnx --model OWNER/NAME FOLDER`, and add the folder; many models have an export in a repository of onnx-community, Xenova or immich-app.',
    )
  const has = [...new Set(all.map(file => file.precision))]
  const named = wanted === undefined ? PREFERRED : [wanted, `q${wanted}`]
  const precision = named.find(one => has.includes(one)) ?? wanted ?? all[0]!.precision
  const of = (role: Role) => best(all.filter(file => file.role === role && file.precision === precision))
  const [vision, text, both] = [of('vision'), of('text'), of('both')]
  const clash = [vision, text, both].find(found => found.length > 1)
  if (clash)
    throw missing(
      source,
      `several files that may be the same tower: ${paths(clash.map(({ file }) => file))}`,
      'Name the towers: --vision PATH --text PATH (the same PATH twice for a file with both; only --vision for images alone).',
    )
  if (vision[0] && (text[0] || imagesOnly))
    return { vision: vision[0].file, text: imagesOnly ? undefined : text[0]?.file, precision }
  // Whether it has both towers, its inputs say.
  if (both[0]) return { vision: both[0].file, text: imagesOnly ? undefined : both[0].file, precision }
  if (vision[0] && !all.some(({ role }) => role === 'text')) return { vision: vision[0].file, precision }
  throw missing(
    source,
    `no ${vision[0] ? 'text' : 'image'} tower in ${precision} (its files are ${paths(all.map(({ file }) => file))})`,
    `Choose another --precision (${has.join(', ')}), or name the towers: --vision PATH --text PATH. --images-only does without texts.`,
  )
}

function onnxOf(files: readonly ListedFile[]): ListedFile[] {
  return files.filter(({ path }) => path.endsWith('.onnx'))
}

function describe(file: ListedFile): OnnxFile {
  const { dir, name } = posix.parse(file.path)
  const words = name.toLowerCase().split(/[^a-z0-9]+/)
  const folders = dir.toLowerCase().split(/[^a-z0-9]+/)
  const role = roleOf(words) ?? roleOf(folders) ?? 'both'
  const precision = words.map(word => PRECISION_WORDS.get(word)).find(word => word !== undefined) ?? 'fp32'
  const isKnown = (word: string) =>
    word === '' || PRECISION_WORDS.has(word) || VISION_WORDS.has(word) || TEXT_WORDS.has(word) || PLAIN_WORDS.has(word)
  return { file, role, precision, others: words.filter(word => !isKnown(word)).length }
}

function roleOf(words: readonly string[]): Role | undefined {
  const [vision, text] = [VISION_WORDS, TEXT_WORDS].map(known => words.some(word => known.has(word)))
  if (vision === text) return undefined
  return vision ? 'vision' : 'text'
}

/** Those with the plainest name: `vision_model.onnx` before `vision_model_optimized.onnx`. */
function best(files: readonly OnnxFile[]): readonly OnnxFile[] {
  const least = Math.min(...files.map(({ others }) => others))
  const plainest = files.filter(({ others }) => others === least)
  const depth = Math.min(...plainest.map(({ file }) => depthOf(file)))
  return plainest.filter(({ file }) => depthOf(file) === depth)
}

/** `onnx/` counts as the top, where exports for transformers.js have their files. */
function depthOf({ path }: ListedFile): number {
  return path.replace(/^onnx\//, '').split('/').length
}

/** The file of one of the names that is nearest to the top; the first name counts most. */
function nearest(files: readonly ListedFile[], names: readonly string[]): ListedFile | undefined {
  for (const name of names) {
    const [found] = files
      .filter(({ path }) => path === name || path.endsWith(`/${name}`))
      .sort((a, b) => depthOf(a) - depthOf(b) || (a.path < b.path ? -1 : 1))
    if (found) return found
  }
  return undefined
}

const SHOWN = 12

function paths(files: readonly ListedFile[]): string {
  const shown = files.slice(0, SHOWN).map(({ path }) => path)
  return shown.length < files.length ? `${shown.join(', ')} and ${files.length - shown.length} more` : shown.join(', ')
}

function missing(source: string, found: string, advice: string): AppError {
  return new AppError(
    'MODEL_INVALID',
    `${source}: expected the towers of a model as ONNX files, found ${found}. ${advice}`,
  )
}
