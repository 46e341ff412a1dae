import sharp from 'sharp'

/** The loader of drawings, which a process that decodes photos refuses (src/images/libvips.ts). */
const DRAWINGS = { operation: ['VipsForeignLoadSvgBuffer'] }

let inWork = 0

/**
 * A drawing of this program as a JPEG. libvips takes drawings only meanwhile: its list of loaders belongs to the whole
 * process, and photos must not be drawings.
 * @param quality JPEG quality, 1 to 100
 */
export async function renderDrawing(svg: string, quality: number): Promise<Buffer> {
  if (inWork++ === 0) sharp.unblock(DRAWINGS)
  try {
    return await sharp(Buffer.from(svg)).flatten({ background: '#ffffff' }).jpeg({ quality }).toBuffer()
  } finally {
    if (--inWork === 0) sharp.block(DRAWINGS)
  }
}
