import { answered, get, post } from './client.js'
import type { Found } from './photos.js'
import type { DuplicateGroup } from './schema.js'

/** Ids per request: an address may have 16,000 characters. */
const AT_ONCE = 100
const MOST_GROUPS = 1000

/** Groups of photos that look the same to the model. @param least cosine similarity of a pair */
export async function duplicateGroups(least: number): Promise<{ groups: DuplicateGroup[]; found: number }> {
  const query = { threshold: least, limit: MOST_GROUPS }
  const { groups, groups_found: found } = await answered(get('/api/v1/duplicates', { params: { query } }))
  return { groups, found }
}

/** Photos by their ids. Those that were removed meanwhile are left out. */
export async function photosOf(ids: readonly string[]): Promise<Map<string, Found>> {
  const photos = new Map<string, Found>()
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const query = { photos: ids.slice(i, i + AT_ONCE), k: AT_ONCE }
    const page = await answered(get('/api/v1/photos', { params: { query } }))
    for (const photo of page.photos) photos.set(photo.photo_id, photo)
  }
  return photos
}

/** Removes photos with embeddings, labels and copies. Their original files stay. @returns how many there were */
export async function removePhotos(ids: readonly string[]): Promise<number> {
  const { photos } = await answered(post('/api/v1/photos/delete', { body: { photos: [...ids] } }))
  return photos
}

/** What one request may hold. */
const COMPARED_AT_ONCE = 500
/** Photos that are shown, with which the next ones are compared: near duplicates come close to each other. */
const MOST_SHOWN = 500

/**
 * Photos of a list that look the same as an earlier one, with the one that stands for them.
 * @param shown photos of the list that come before, without duplicates
 */
export async function collapseDuplicates(
  ids: readonly string[],
  shown: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const duplicates = new Map<string, string>()
  const known = [...shown]
  for (let i = 0; i < ids.length; i += COMPARED_AT_ONCE) {
    const photos = ids.slice(i, i + COMPARED_AT_ONCE)
    const body = { photos, known: known.slice(-MOST_SHOWN) }
    const found = await answered(post('/api/v1/duplicates', { body, signal }))
    for (const { photo_id, of } of found.duplicates) duplicates.set(photo_id, of)
    known.push(...photos.filter(id => !duplicates.has(id)))
  }
  return duplicates
}
