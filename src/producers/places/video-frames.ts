import { execFile } from 'node:child_process'
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { AppError } from '../../domain/errors.js'
import { barePhoto } from '../../domain/photo.js'
import { frameId, frameUrl, VIDEO_CONTAINERS } from '../../domain/places/video-frame.js'
import { SECOND } from '../../domain/units.js'
import type { SourceRow } from '../input/source.js'

/** ffprobe reads the headers of a file. */
const MAX_PROBE_MS = 30 * SECOND
const MAX_ANSWER_BYTES = 1 << 20
/** Of a video of a day at one frame per second. */
const MAX_FRAMES = 86_400

const execute = promisify(execFile)

/** @throws AppError USAGE when the program that reads videos is not installed */
export async function requireFfmpeg(): Promise<void> {
  for (const program of ['ffmpeg', 'ffprobe'])
    await execute(program, ['-version'], { timeout: MAX_PROBE_MS }).catch(cause => {
      throw new AppError('USAGE', `--video-fps expects the program ${program}, and it was not found. Install ffmpeg.`, {
        cause,
      })
    })
}

/**
 * The frames of a video, each a photo whose URL names the file and the second. Their ids derive from the file's path, size and
 * time of change, so a changed video has other frames. Of a video of more than 86,400 frames the rest is reported.
 * @param path absolute
 * @param fps frames per second; above the video's own rate each of its frames comes once
 */
export async function* videoFrames(path: string, fps: number, at: { part: string }): AsyncGenerator<SourceRow> {
  const row = { line: 1, part: at.part }
  let state: Pick<Stats, 'size' | 'mtimeMs'>
  let times: FrameTimes
  try {
    state = await stat(path)
    times = frameTimes(await probe(path), fps)
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n')[0]
    yield { ...row, problem: { code: 'UNREADABLE', found: `${path}: ${said || (error as Error).message}` } }
    return
  }
  const frames = Math.min(MAX_FRAMES, times.count)
  const video = pathToFileURL(path).href
  for (let i = 0; i < frames; i++) {
    const url = frameUrl({ video, second: i / times.rate })
    yield { ...row, line: i + 1, photo: barePhoto(frameId(path, state, url), url) }
  }
  if (times.count <= frames) return
  const found = `${path}: ${times.count} frames, of which the first ${frames} are taken; choose fewer per second`
  yield { ...row, line: frames + 1, problem: { code: 'TOO_MANY_FRAMES', found } }
}

interface FrameTimes {
  /** Per second. */
  rate: number
  count: number
}

/** As many as the video has at that rate: the last frame of a video begins one frame before its end. */
export function frameTimes({ seconds, ownRate }: VideoLength, fps: number): FrameTimes {
  const rate = Math.min(fps, ownRate ?? fps)
  // Lengths are rounded, to milliseconds at worst.
  const last = ownRate === undefined ? seconds - 0.001 : seconds - 1 / ownRate + Math.min(0.0005, 0.1 / ownRate)
  return { rate, count: 1 + Math.max(0, Math.floor(last * rate)) }
}

interface VideoLength {
  /** Of the pictures: sound may be longer. */
  seconds: number
  /** Frames per second, on average. */
  ownRate?: number
}

interface Probed {
  streams?: { duration?: string; avg_frame_rate?: string; tags?: { DURATION?: string } }[]
  format?: { duration?: string }
}

/** Rejects for a file without a stream of pictures. */
async function probe(path: string): Promise<VideoLength> {
  const entries = 'format=duration:stream=duration,avg_frame_rate:stream_tags=DURATION'
  const shown = ['-show_entries', entries, '-select_streams', 'v:0']
  const allowed = ['-protocol_whitelist', 'file', '-format_whitelist', VIDEO_CONTAINERS]
  const args = ['-v', 'error', ...allowed, ...shown, '-of', 'json', `file:${path}`]
  const { stdout } = await execute('ffprobe', args, { timeout: MAX_PROBE_MS, maxBuffer: MAX_ANSWER_BYTES })
  const { streams: [stream] = [], format } = JSON.parse(stdout) as Probed
  // Matroska has the length of a stream, if at all, as a tag: 00:00:03.100000000.
  const [, hours, minutes, rest] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(stream?.tags?.DURATION ?? '') ?? []
  const tagged = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest)
  const lengths = [Number(stream?.duration), tagged, Number(format?.duration)].filter(length => length > 0)
  if (stream === undefined || lengths.length === 0) throw new Error('no video with a known length')
  const [over = 0, under = 0] = (stream.avg_frame_rate ?? '').split('/').map(Number)
  return { seconds: Math.min(...lengths), ...(over > 0 && under > 0 ? { ownRate: over / under } : {}) }
}
