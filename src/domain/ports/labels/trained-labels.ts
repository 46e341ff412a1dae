import type { LabelTraining } from '../../labels.js'
import type { ModelId } from '../repository.js'

/** A label set whose labels follow from vectors: logit = weights · embedding + bias, scores by softmax over the set. */
export interface TrainedLabelSet {
  name: string
  /** At least two, in display order. */
  labels: readonly string[]
  /** Per label, [dimension], not all zero. For embeddings of unit length. */
  weights: readonly Float32Array[]
  /** Per label. */
  biases: readonly number[]
  training: LabelTraining
}

/** Label of a photo, as a person says. */
export interface LabelExample {
  photoId: string
  label: string
}

/** Label sets that were trained on photos. They are applied, shown and removed as others: see LabelRepository. */
export interface TrainedLabelRepository {
  /**
   * Stores a set and its examples, which replace those of the set, in one transaction. A new set is current at once,
   * without labels; a changed one is coming until `LabelRepository.labelPhotos` has labelled every photo.
   * @param examples default: none are kept
   * @returns whether the set is current now
   * @throws AppError USAGE for a set of prompts with the same name, and for numbers that do not fit the model
   */
  save(modelId: ModelId, set: TrainedLabelSet, examples?: readonly LabelExample[]): Promise<boolean>
  /** Examples that a set was taught with, by id. Those of photos that were removed since are gone. */
  examples(modelId: ModelId, setName: string): Promise<LabelExample[]>
  /**
   * Photos that people marked on the page, by id: whether each has the label. Marks of other labels of the set count,
   * too: a photo that is right for another label does not have this one, and in a set of two labels a photo that is
   * wrong for one has the other.
   * @throws AppError NOT_FOUND for an unknown set or label
   */
  marked(modelId: ModelId, setName: string, label: string): Promise<{ photoId: string; has: boolean }[]>
  /** Which of these photos exist. */
  knownPhotos(photoIds: readonly string[]): Promise<Set<string>>
  /** Embedded photos, drawn at random; the same for the same seed. */
  randomPhotos(modelId: ModelId, count: number, seed: number): Promise<string[]>
}
