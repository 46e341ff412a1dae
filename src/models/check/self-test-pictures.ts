import sharp from 'sharp'
import { composeScene, renderScene } from '../../demo-scenes/scenes.js'
import { labelScores, promptsOf } from '../../domain/labels.js'
import type { ModelIdentity } from '../../domain/model.js'
import { cosineSimilarity } from '../../domain/similarity.js'

/** A rendered picture and its expected label. */
export interface LabelledPicture {
  readonly label: string
  /** @returns an image file */
  render(): Promise<Buffer>
}

/** Pictures with different labels. */
export interface PictureSet {
  readonly template: string
  /** Minimum of correctly labelled pictures. Guessing gets four of six about once in a hundred times. */
  readonly needed: number
  readonly pictures: readonly LabelledPicture[]
}

export interface PictureAnswer {
  /** The expected label. */
  readonly picture: string
  /** The label from the model. */
  readonly label: string
  /** Softmax over each prompt's similarity beyond its mean over all pictures. */
  readonly score: number
  readonly ok: boolean
}

/**
 * Only chromatic colours: CLIP names those of plain pictures reliably, but not white, grey and black (Arias, Baldrich
 * and Vanrell, Color in Visual-Language Models: CLIP Deficiencies, CIC 2024, doi:10.2352/CIC.2024.32.1.20). Swapped
 * channels turn red into blue, and yellow and orange into light blue.
 */
const COLOURS: Readonly<Record<string, string>> = {
  red: '#dc1e28',
  green: '#1e963c',
  blue: '#1e3cd2',
  yellow: '#fae11e',
  orange: '#f58214',
  purple: '#7d28a0',
}

export const PLAIN_COLOURS: PictureSet = {
  template: 'a plain {label} background',
  // Some shades pass for their neighbours.
  needed: 4,
  pictures: Object.entries(COLOURS).map(([label, background]) => ({ label, render: () => plain(background) })),
}

/** Scenes for the demo model, by seed. It was not trained on them; their main objects are the labels. */
const SCENES: Readonly<Record<string, number>> = {
  boat: 3_000_006,
  balloon: 3_000_014,
  cat: 3_000_026,
  house: 3_000_027,
  lighthouse: 3_000_035,
  car: 3_000_038,
}

export const RENDERED_SCENES: PictureSet = {
  template: 'a {label}',
  needed: 5,
  pictures: Object.entries(SCENES).map(([label, seed]) => ({ label, render: () => renderScene(composeScene(seed)) })),
}

export interface PictureVerdict {
  readonly ok: boolean
  readonly pictures: readonly PictureAnswer[]
  /** One sentence. */
  readonly sentence: string
}

/**
 * Labels each picture zero-shot with all labels. First subtracts each prompt's mean similarity over all pictures: some
 * prompts are close to every plain picture, which says nothing about any of them.
 * @param images unit embeddings of the pictures, in their order
 * @param texts unit embeddings of {@link promptsFor}
 */
export function judgePictures(
  { pictures, needed }: PictureSet,
  images: readonly Float32Array[],
  texts: readonly Float32Array[],
  model: Pick<ModelIdentity, 'scoring' | 'logitScale' | 'logitBias'>,
): PictureVerdict {
  const similarities = images.map(image => texts.map(text => cosineSimilarity(text, image)))
  const common = texts.map((_, j) => similarities.reduce((sum, row) => sum + row[j]!, 0) / images.length)
  const answers = pictures.map(({ label: picture }, i) => {
    const scores = labelScores(
      similarities[i]!.map((similarity, j) => similarity - common[j]!),
      { ...model, scoring: 'softmax' },
    )
    const best = scores.indexOf(Math.max(...scores))
    return { picture, label: pictures[best]!.label, score: scores[best]!, ok: best === i }
  })
  const right = answers.filter(({ ok }) => ok).length
  const found = `${right} of ${answers.length} rendered pictures get their label`
  return right >= needed
    ? { ok: true, pictures: answers, sentence: `the image tower belongs to the text tower: ${found}` }
    : {
        ok: false,
        pictures: answers,
        sentence:
          `the image tower does not belong to the text tower: ${found}, ${needed} needed; ` +
          'its weights or its input (size, mean and std, channel order) are wrong',
      }
}

/** Checks that a model without texts distinguishes the pictures. @param images as for {@link judgePictures} */
export function judgePicturesAlone({ pictures }: PictureSet, images: readonly Float32Array[]): PictureVerdict {
  const others = images.flatMap((image, i) => images.slice(i + 1).map(other => cosineSimilarity(image, other)))
  const nearest = Math.max(...others)
  const ok = nearest < 1 - 1e-6
  const found = `the two nearest of ${pictures.length} rendered pictures have a cosine similarity of ${nearest.toFixed(4)}`
  const sentence = ok ? `the image tower distinguishes pictures: ${found}` : `the image tower is blind: ${found}`
  return { ok, pictures: [], sentence }
}

/** Returns one prompt per picture. */
export function promptsFor({ template, pictures }: PictureSet): string[] {
  return promptsOf({ name: 'pictures', template, labels: pictures.map(({ label }) => label) })
}

/** Renders a picture larger than any model's input and not square, so that preprocessing resizes and crops it. */
function plain(background: string): Promise<Buffer> {
  return sharp({ create: { width: 640, height: 480, channels: 3, background } })
    .png()
    .toBuffer()
}
