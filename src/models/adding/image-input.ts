import type { ImageInput } from '../../domain/image-input.js'
import { at, type Json, numberAt, objectAt, textAt, threeAt } from './json.js'

/** A field of model.json that the files do not give. */
export class Underivable extends Error {
  override readonly name = 'Underivable'
}

/** Pixels as a model takes them, and the file that says so. */
export interface DerivedImages {
  readonly input: ImageInput
  readonly mean: [number, number, number]
  readonly std: [number, number, number]
  readonly from: string
}

/** The files of a source that describe its images; absent ones are undefined. */
export interface ImageDescriptions {
  readonly config?: Json
  readonly openClipConfig?: Json
  /** With the name of its file. */
  readonly preprocessor?: { readonly file: string; readonly json: Json }
  /** Side of the square that the graph takes; undefined: any. */
  readonly graphSize?: number
}

/**
 * Derives how images are resized, cut and scaled.
 * @throws Underivable
 */
export function deriveImages({ config, openClipConfig, preprocessor, graphSize }: ImageDescriptions): DerivedImages {
  const found = find()
  if (graphSize !== undefined && graphSize !== found.input.size)
    throw new Underivable(
      `${found.from} cuts squares of ${found.input.size} pixels, but the graph takes ${graphSize} pixels`,
    )
  return found

  function find(): DerivedImages {
    if (preprocessor) {
      const { file, json } = preprocessor
      // transformers 5 writes the settings of all parts into one file.
      const images = objectAt(json, 'image_processor') ?? json
      if (file.endsWith('preprocess_cfg.json')) return { ...ofOpenClip(images), from: file }
      const isJina = textAt(images, 'resize_mode') !== undefined && at(images, 'mean') !== undefined
      return { ...(isJina ? ofOpenClip(images) : ofTransformers(images)), from: file }
    }
    const ofOpen = objectAt(openClipConfig, 'preprocess_cfg')
    if (ofOpen) {
      const size = at(openClipConfig, 'model_cfg.vision_cfg.image_size')
      return { ...ofOpenClip({ size, ...ofOpen }), from: 'open_clip_config.json' }
    }
    const ofTimm = objectAt(config, 'pretrained_cfg')
    if (ofTimm) return { ...timm(ofTimm, graphSize), from: 'config.json (pretrained_cfg)' }
    throw new Underivable(
      'there is no preprocessor_config.json, and no preprocess_cfg or pretrained_cfg of open_clip or timm',
    )
  }
}

type Pixels = Omit<DerivedImages, 'from'>

/** Values of Pillow's Resampling. */
const PILLOW_KERNELS: Readonly<Record<number, ImageInput['kernel']>> = { 2: 'bilinear', 3: 'bicubic' }

/** Kernels of processors of transformers whose file states none. */
const DEFAULT_KERNELS: readonly (readonly [RegExp, number])[] = [
  [/^(CLIP|ChineseCLIP|Siglip(?!2)|Bit|Blip|DeiT|OwlViT)/, 3],
  [/^(ViT|Siglip2|ConvNext)/, 2],
]

/**
 * An image processor of transformers: resize, centre crop, rescale, normalise; each may be off.
 * https://github.com/huggingface/transformers/blob/main/src/transformers/image_processing_utils.py
 */
function ofTransformers(json: Json): Pixels {
  // A timm model behind transformers' wrapper.
  const ofTimm = objectAt(json, 'data_config') ?? objectAt(json, 'pretrained_cfg')
  if (ofTimm) return timm(ofTimm)
  const on = (name: string, by: boolean) => (typeof json[name] === 'boolean' ? json[name] : by)
  if (!on('do_resize', true)) throw new Underivable('do_resize is false: pictures of any size')
  if (on('rescale_offset', false))
    throw new Underivable('rescale_offset shifts the pixels, which this program does not do')
  if (on('do_pad', false)) throw new Underivable('do_pad adds borders, which this program does not do')
  const type = typeOf(json)
  const resample = json.resample ?? DEFAULT_KERNELS.find(([name]) => name.test(type))?.[1]
  const kernel = typeof resample === 'number' ? PILLOW_KERNELS[resample] : undefined
  if (!kernel) throw new Underivable(`resample is ${shown(resample)}; known are 2 (bilinear) and 3 (bicubic)`)
  const factor = on('do_rescale', true) ? (numberAt(json, 'rescale_factor') ?? 1 / 255) : 1
  const isNormalised = on('do_normalize', true)
  const mean = isNormalised ? threeAt(json, 'image_mean') : ([0, 0, 0] as const)
  const std = isNormalised ? threeAt(json, 'image_std') : ([1, 1, 1] as const)
  if (!mean || !std) throw new Underivable('image_mean and image_std are not three numbers each')
  // Theirs are of pixels times the factor, ours of pixels from 0 to 1.
  const unit = 255 * factor
  const scaled = (values: readonly number[]) =>
    values.map(value => (unit === 1 || Math.abs(unit - 1) < 1e-9 ? value : value / unit)) as [number, number, number]
  return { input: { ...squareOf(json, on), kernel }, mean: scaled(mean), std: scaled(std) }
}

/** Processors whose plain number of `size` is both edges. */
const SQUASHING = /^(?!CLIP|ChineseCLIP|Bit|ConvNext|OwlViT|Blip)/

function typeOf(json: Json): string {
  return textAt(json, 'image_processor_type') ?? textAt(json, 'feature_extractor_type') ?? ''
}

function squareOf(json: Json, on: (name: string, by: boolean) => boolean): Omit<ImageInput, 'kernel'> {
  const type = typeOf(json)
  const plain = numberAt(json, 'size')
  const isSquash = plain !== undefined && type !== '' && SQUASHING.test(type)
  const shortest = numberAt(json, 'size.shortest_edge') ?? (isSquash ? undefined : plain)
  const height = numberAt(json, 'size.height') ?? (isSquash ? plain : undefined)
  const width = numberAt(json, 'size.width') ?? (isSquash ? plain : undefined)
  const share = numberAt(json, 'crop_pct')
  if (share !== undefined && shortest !== undefined) return ofConvNext(shortest, share)
  const crops = on('do_center_crop', false)
  const crop = numberAt(json, 'crop_size.height') ?? numberAt(json, 'crop_size')
  if (crops && (crop === undefined || (numberAt(json, 'crop_size.width') ?? crop) !== crop))
    throw new Underivable(`crop_size is not a square: ${shown(json.crop_size)}`)
  if (shortest !== undefined) {
    if (!crops || crop === undefined)
      throw new Underivable('the shortest edge is resized and nothing is cut off: pictures of any shape')
    return cropped(crop, shortest)
  }
  if (height === undefined || height !== width) throw new Underivable(`size is not a square: ${shown(json.size)}`)
  if (crops && crop !== height)
    throw new Underivable(`both edges are resized to ${height}, then ${crop} pixels are cut out`)
  return { size: height, fit: 'squash', cropShare: 1 }
}

/** https://github.com/huggingface/transformers/blob/main/src/transformers/models/convnext/image_processing_convnext.py */
function ofConvNext(size: number, share: number): Omit<ImageInput, 'kernel'> {
  return size < 384 ? cropped(size, Math.trunc(size / share)) : { size, fit: 'squash', cropShare: 1 }
}

/** open_clip's preprocess_cfg, and the processor of jina-clip, which has the same fields. */
function ofOpenClip(json: Json): Pixels {
  const size = numberAt(json, 'size') ?? square(json.size)
  if (size === undefined) throw new Underivable(`size is not a square: ${shown(json.size)}`)
  const interpolation = textAt(json, 'interpolation') ?? 'bicubic'
  if (interpolation !== 'bicubic' && interpolation !== 'bilinear')
    throw new Underivable(`interpolation is ${interpolation}; known are bilinear and bicubic`)
  const mode = textAt(json, 'resize_mode') ?? 'shortest'
  if (mode !== 'shortest' && mode !== 'squash')
    throw new Underivable(`resize_mode is ${mode}, which adds borders; known are shortest and squash`)
  const [mean, std] = [threeAt(json, 'mean'), threeAt(json, 'std')]
  if (!mean || !std) throw new Underivable('mean and std are not three numbers each')
  const fit = mode === 'shortest' ? 'crop' : 'squash'
  return { input: { size, fit, cropShare: 1, kernel: interpolation }, mean, std }
}

/**
 * timm's pretrained_cfg.
 * @param graphSize chooses between the size of training and that of the test
 */
function timm(json: Json, graphSize?: number): Pixels {
  const isTest = graphSize !== undefined && square(json.test_input_size, true) === graphSize
  const size = isTest ? graphSize : square(json.input_size, true)
  if (size === undefined) throw new Underivable(`input_size is not [3, side, side]: ${shown(json.input_size)}`)
  const share = (isTest ? numberAt(json, 'test_crop_pct') : undefined) ?? numberAt(json, 'crop_pct') ?? 0.875
  const kernel = textAt(json, 'interpolation') ?? 'bilinear'
  if (kernel !== 'bicubic' && kernel !== 'bilinear')
    throw new Underivable(`interpolation is ${kernel}; known are bilinear and bicubic`)
  const mode = textAt(json, 'crop_mode') ?? 'center'
  const edge = Math.floor(size / share)
  const isSquash = mode === 'squash' && edge === size
  if (mode !== 'center' && !isSquash) throw new Underivable(`crop_mode is ${mode} with crop_pct ${share}`)
  const [mean, std] = [threeAt(json, 'mean'), threeAt(json, 'std')]
  if (!mean || !std) throw new Underivable('mean and std are not three numbers each')
  const input = isSquash ? ({ size, fit: 'squash', cropShare: 1 } as const) : cropped(size, edge)
  return { input: { ...input, kernel }, mean, std }
}

function square(value: unknown, withChannels = false): number | undefined {
  if (!Array.isArray(value)) return undefined
  const [height, width] = withChannels ? value.slice(1) : value
  return typeof height === 'number' && height === width ? height : undefined
}

/** @param edge to which the shortest one is resized, at least `size` */
function cropped(size: number, edge: number): Omit<ImageInput, 'kernel'> {
  if (edge < size) throw new Underivable(`the shortest edge is resized to ${edge} and ${size} pixels are cut out`)
  let cropShare = size / edge
  // The edge is `size / cropShare`, rounded down: it must come back.
  while (Math.floor(size / cropShare) < edge) cropShare *= 1 - Number.EPSILON
  return { size, fit: 'crop', cropShare }
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 100) ?? 'absent'
