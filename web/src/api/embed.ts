import { answered, post } from './client.js'

/** @returns the vector of a picture, [dimension] */
export async function embedPicture(file: Blob): Promise<number[]> {
  const { vector } = await answered(
    post('/api/v1/embed/picture', {
      body: file,
      bodySerializer: body => body,
      headers: { 'content-type': 'application/octet-stream' },
    }),
  )
  return vector
}

/** @returns the vector of the picture at an address, [dimension] */
export async function embedPictureAt(url: string): Promise<number[]> {
  const { pictures } = await answered(post('/api/v1/embed', { body: { picture_urls: [url] } }))
  return pictures[0]!
}
