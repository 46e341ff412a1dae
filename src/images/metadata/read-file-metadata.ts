import type { FileMetadata } from '../../domain/photo.js'
import { isRaw } from '../formats/open-picture.js'
import { rawExif } from '../formats/raw-exif.js'
import { largestJpeg } from '../formats/raw-preview.js'
import { tiffContents } from '../formats/tiff-directories.js'
import { imageFormat } from '../image-format.js'
import { readMetadata } from '../libvips.js'
import type { Orientation, Size } from '../orientation.js'
import { readExif } from './exif.js'
import { fileMetadata, type MetadataBlocks } from './file-metadata.js'

/**
 * What an image file says about its photo, in EXIF, IPTC and XMP. Decodes nothing.
 * @param photo the upright image, as it was decoded
 * @returns null where the size is not known. Never rejects: metadata fail no photo
 */
export async function readFileMetadata(
  image: Buffer,
  photo: (Size & { orientation: Orientation }) | undefined,
): Promise<FileMetadata | null> {
  if (photo === undefined) return null
  const blocks = await metadataBlocks(image).catch((): MetadataBlocks => ({ exif: {} }))
  return fileMetadata(photo, blocks)
}

/** @throws PhotoError for a file that cannot be read */
export async function metadataBlocks(image: Buffer): Promise<MetadataBlocks> {
  if (isRaw(image)) return await blocksOfRaw(image)
  const format = imageFormat(image)
  if (format === 'BMP') return { exif: {} }
  const { exif, xmp, iptc } = await readMetadata(image)
  // A TIFF is laid out as the block that EXIF is named for.
  const block = format === 'TIFF' ? image : exif
  return { exif: (block && readExif(block)) ?? {}, xmp, iptc }
}

async function blocksOfRaw(image: Buffer): Promise<MetadataBlocks> {
  const { xmp, iptc } = tiffContents(image)
  const own = rawExif(image)
  if (own !== null) return { exif: own, xmp, iptc }
  const preview = largestJpeg(image)
  return preview ? await metadataBlocks(preview.jpeg) : { exif: {} }
}
