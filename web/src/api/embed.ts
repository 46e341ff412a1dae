import { answered, post } from './client.js'

/** @returns the vector of a picture, [dimension] */
export async function embedPicture(file: Blob): Promise<number[]> {
  const { pictures } = await answered(post('/api/v1/embed', { body: { pictures: [await base64(file)] } }))
  return pictures[0]!
}

/** @returns the vector of the picture at an address, [dimension] */
export async function embedPictureAt(url: string): Promise<number[]> {
  const { pictures } = await answered(post('/api/v1/embed', { body: { picture_urls: [url] } }))
  return pictures[0]!
}

function base64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(file)
  })
}
