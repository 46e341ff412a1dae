import { createHash } from 'node:crypto'
import { contentId } from '../content-id.js'

/** A frame of a video file: `file:///films/a.mp4#t=12.5`, a media fragment (W3C, Media Fragments URI 1.0). */
export interface VideoFrame {
  /** URL of the file, without the fragment. */
  video: string
  /** From the start. */
  second: number
}

/**
 * Containers that ffmpeg and ffprobe may open: they hold their media themselves. A playlist would name other files.
 */
export const VIDEO_CONTAINERS = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,flv,asf'

/** @returns null for the URL of anything else */
export function videoFrame(url: string): VideoFrame | null {
  const [, video, second] = /^(file:[^#]*)#t=(\d{1,7}(?:\.\d{1,3})?)$/i.exec(url.trim()) ?? []
  return video === undefined ? null : { video, second: Number(second) }
}

/**
 * Id of the photo that a frame is: of the path, size and time of change of its video, so a changed video has other frames.
 * @param path absolute @param url of the frame
 */
export function frameId(path: string, { size, mtimeMs }: { size: number; mtimeMs: number }, url: string): string {
  return contentId(createHash('sha256').update(`${path}\n${size}\n${mtimeMs}\n${url}`).digest())
}

/** The second is cut to milliseconds, not rounded: ffmpeg shows the first frame that is not before it. */
export function frameUrl({ video, second }: VideoFrame): string {
  return `${video}#t=${Math.floor(second * 1000 + 1e-6) / 1000}`
}
