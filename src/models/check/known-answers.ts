import { z } from 'zod'
import { AppError } from '../../domain/errors.js'
import { type LabelSet, labelScores, promptsOf } from '../../domain/labels.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { cosineSimilarity } from '../../domain/similarity.js'
import { isExact } from './comparison.js'

/** A published figure and the one that this model gives. */
export interface KnownFigure {
  /** Names the figure, for people. */
  readonly question: string
  readonly expected: number
  readonly found: number
  readonly ok: boolean
}

const FIGURES = z.record(z.string(), z.number().min(-1).max(1))
const KNOWN_ANSWERS = z.array(
  z.union([
    z.strictObject({ photo: z.string(), labelSet: z.string(), scores: FIGURES }),
    z.strictObject({ photo: z.string(), similarities: FIGURES }),
    z.strictObject({ text: z.string(), similarities: FIGURES }),
  ]),
)
export type KnownAnswers = z.infer<typeof KNOWN_ANSWERS>

/** Largest accepted difference. Scores are 100 × as sensitive as similarities, within [0, 1]. */
const TOLERANCE = { exact: { similarity: 0.01, score: 0.03 }, rounded: { similarity: 0.05, score: 0.2 } }

/** @throws AppError INPUT_INVALID */
export function parseKnownAnswers(text: string, file: string): KnownAnswers {
  try {
    return KNOWN_ANSWERS.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError(
      'INPUT_INVALID',
      `${file}: expected a JSON list of {"photo", "labelSet", "scores"}, {"photo", "similarities"} and {"text", "similarities"}; scores by label, similarities by photo id.`,
      { cause },
    )
  }
}

/**
 * Computes the known figures with the model.
 * @param photos the model's embeddings, by photo id
 * @param labelSet finds a label set by its name
 * @throws AppError INPUT_INVALID for an unknown photo; LABEL_SET_INVALID
 */
export async function askKnownAnswers(
  answers: KnownAnswers,
  photos: ReadonlyMap<string, Float32Array>,
  encoder: Encoder,
  labelSet: (name: string) => LabelSet,
): Promise<KnownFigure[]> {
  const tolerance = isExact(encoder.model.precision) ? TOLERANCE.exact : TOLERANCE.rounded
  const photo = (id: string) => {
    const embedding = photos.get(id)
    if (embedding) return embedding
    throw new AppError('INPUT_INVALID', `--known names the photo ${JSON.stringify(id)}, which is not among the ids.`)
  }
  const figures: KnownFigure[] = []
  const compare = (question: string, expected: number, found: number, most: number) =>
    figures.push({ question, expected, found, ok: Math.abs(found - expected) <= most })
  for (const answer of answers) {
    if ('scores' in answer) {
      const set = labelSet(answer.labelSet)
      const scores = await scoresOf(photo(answer.photo), set, encoder)
      for (const [label, expected] of Object.entries(answer.scores))
        compare(`${answer.photo}: ${set.name} ${label}`, expected, scores.get(label) ?? Number.NaN, tolerance.score)
      continue
    }
    const asked = 'text' in answer ? (await encoder.encodeTexts([answer.text]))[0]! : photo(answer.photo)
    const name = 'text' in answer ? JSON.stringify(answer.text) : answer.photo
    for (const [id, expected] of Object.entries(answer.similarities))
      compare(`${name} and ${id}`, expected, cosineSimilarity(asked, photo(id)), tolerance.similarity)
  }
  return figures
}

async function scoresOf(photo: Float32Array, set: LabelSet, encoder: Encoder): Promise<Map<string, number>> {
  const prompts = await encoder.encodeTexts(promptsOf(set))
  const scores = labelScores(
    prompts.map(prompt => cosineSimilarity(prompt, photo)),
    encoder.model,
  )
  return new Map(set.labels.map((label, i) => [label, scores[i]!]))
}
