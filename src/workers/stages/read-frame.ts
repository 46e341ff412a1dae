import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { OutOfReachError, PhotoError } from '../../domain/errors.js'
import { frameId, VIDEO_CONTAINERS, videoFrame } from '../../domain/places/video-frame.js'
import { SECOND } from '../../domain/units.js'
import { pathOf, type ReadFileOptions, readablePath } from './read-file.js'

/** Seeking in a long video without an index reads it from the start. */
const MAX_FRAME_MS = 60 * SECOND

const execute = promisify(execFile)

/**
 * Reads one frame of a video with ffmpeg: a program of its own with limits on time, output and pixels, which opens this one
 * file and nothing else.
 * @param photo a {@link videoFrame}. Of a video that another machine may have ingested, only if it is the same file here
 * @param options folders that may be read; largest frame, in bytes and pixels
 * @returns a PNG
 * @throws OutOfReachError; PhotoError FOLDER_FORBIDDEN, FILE_NOT_FOUND, INVALID_URL, UNSUPPORTED_IMAGE (no ffmpeg), DECODE_FAILED; the
 * signal's reason
 */
export async function readFrame(
  { id, url, isHere }: { id: string; url: string; isHere: boolean },
  options: ReadFileOptions & { maxPixels: number },
  signal?: AbortSignal,
): Promise<Buffer> {
  signal?.throwIfAborted()
  const frame = videoFrame(url)
  if (frame === null) throw new PhotoError('INVALID_URL', 'not the frame of a video')
  const path = await readablePath(url, options)
  if (!isHere && frameId(pathOf(url), await stat(path), url) !== id)
    throw new OutOfReachError(pathOf(url), 'another video lies there than was ingested')
  const input = [
    '-protocol_whitelist',
    'file',
    '-format_whitelist',
    VIDEO_CONTAINERS,
    '-max_pixels',
    `${options.maxPixels}`,
  ]
  const args = ['-nostdin', '-v', 'error', '-threads', '1', ...input, '-ss', `${frame.second}`, '-i', `file:${path}`]
  const output = ['-map', '0:v:0', '-frames:v', '1', '-c:v', 'png', '-f', 'image2pipe', '-']
  try {
    const { stdout } = await execute('ffmpeg', [...args, ...output], {
      encoding: 'buffer',
      // A PNG is several times as large as the frame's share of the video.
      maxBuffer: Math.max(options.maxBytes, 4 * options.maxPixels),
      timeout: MAX_FRAME_MS,
      killSignal: 'SIGKILL',
      signal,
    })
    if (stdout.length === 0) throw new PhotoError('DECODE_FAILED', `${path}: no frame at ${frame.second} s`)
    return stdout
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof PhotoError) throw error
    throw failureOf(error as NodeJS.ErrnoException & { stderr?: Buffer; killed?: boolean }, path)
  }
}

function failureOf(error: NodeJS.ErrnoException & { stderr?: Buffer; killed?: boolean }, path: string): PhotoError {
  if (error.code === 'ENOENT')
    return new PhotoError('UNSUPPORTED_IMAGE', 'a video needs the program ffmpeg, which is not installed', {
      cause: error,
    })
  const said = error.stderr?.toString('utf8').trim().split('\n')[0]
  const why = error.killed ? 'it took too long' : said || error.message
  return new PhotoError('DECODE_FAILED', `${path}: ffmpeg: ${why}`, { cause: error })
}
