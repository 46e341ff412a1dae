/** The model that made a vector. Different keys never share a table, an index or a search. */
export interface ModelIdentity {
  /** Registry name, for example `clip-vit-b-32`. */
  name: string
  /** Precision of the weights, for example `int8`. */
  precision: string
  /** Pinned revision of the files: a hub commit, or the digest of the files (see `identify`). */
  revision: string
  /** Length of an embedding. */
  dimension: number
  /** How label scores follow from similarities: labels compete (softmax, CLIP) or are independent (sigmoid, SigLIP). */
  scoring: Scoring
  /** A logit is logitScale × cosine similarity + logitBias. 100 and 0 for CLIP. */
  logitScale: number
  logitBias: number
}

export type Scoring = 'softmax' | 'sigmoid'

/** Returns `name@precision`, the name of a model in messages and on the command line. */
export function modelKey(model: Pick<ModelIdentity, 'name' | 'precision'>): string {
  return `${model.name}@${model.precision}`
}

/** Precision and revision of a model of which there are only vectors, made elsewhere. */
export const IMPORTED = 'imported'

/** Whether a model is made of imported vectors only, so that nothing here can embed with it. */
export function isImported({ revision }: Pick<ModelIdentity, 'revision'>): boolean {
  return revision === IMPORTED
}
