/** Which model made a vector. Two different keys never share a table, an index or a search. */
export interface ModelIdentity {
  /** Registry name, for instance `clip-vit-b-32`. */
  name: string
  /** Precision of the weights, for instance `int8`. */
  precision: string
  /** Pinned revision of the files: a hub commit, or the digest of the image tower. */
  revision: string
  /** Length of an embedding. */
  dimension: number
  /** Scores of labels are softmax over logitScale × cosine similarity. 100 for CLIP. */
  logitScale: number
}

/** `name@precision`: how people and the command line refer to a model. */
export function modelKey(model: Pick<ModelIdentity, 'name' | 'precision'>): string {
  return `${model.name}@${model.precision}`
}
