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
