import { answered, get } from './client.js'

export interface Example {
  words: string
  photos: { photo_id: string; copy: string | null }[]
}

/** Searches that do have good hits here. */
export async function examples(): Promise<Example[]> {
  return (await answered(get('/api/v1/examples', {}))).examples
}

export async function labelSetNames(): Promise<string[]> {
  return (await answered(get('/api/v1/label-sets', {}))).label_sets.map(({ name }) => name)
}

/** The model that answers, with the number of its photos. */
export async function searchedModel(): Promise<{ name: string; photos: number; knowsWords: boolean }> {
  const [{ model, texts }, { models }] = await Promise.all([
    answered(get('/api/v1/models/searched', {})),
    answered(get('/api/v1/models', {})),
  ])
  return { name: model, photos: models.find(it => it.model === model)?.photos ?? 0, knowsWords: texts }
}
