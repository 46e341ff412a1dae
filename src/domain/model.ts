/** Which model made a vector. Two different keys never share a table, an index or a search. */
export interface ModelIdentity {
  /** Registry name, for instance `clip-vit-b-32`. */
  name: string
  /** Precision of the weights, for instance `int8`. */
  precision: string
  /** Pinned revision of the files: a hub commit, or the digest of the files (see `identify`). */
  revision: string
  /** Length of an embedding. */
  dimension: number
  /** How scores of labels come from similarities: they compete (softmax, CLIP), or each stands alone (sigmoid, SigLIP). */
  scoring: Scoring
  /** A logit is logitScale × cosine similarity + logitBias. 100 and 0 for CLIP. */
  logitScale: number
  logitBias: number
}

export type Scoring = 'softmax' | 'sigmoid'

/** `name@precision`: how people and the command line refer to a model. */
export function modelKey(model: Pick<ModelIdentity, 'name' | 'precision'>): string {
  return `${model.name}@${model.precision}`
}
