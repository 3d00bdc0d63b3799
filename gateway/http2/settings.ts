import { H2_ERROR } from '../http/stream.ts';
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Http2ConnectionError,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  readUint32,
} from './frame.ts';

/** RFC 9113 section 6.5.2, RFC 8441 section 3. */
export const SETTING = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  ENABLE_CONNECT_PROTOCOL: 0x8,
} as const;

export const SETTING_BYTES = 6;

/** What the peer has told us. */
export interface PeerSettings {
  headerTableBytes: number;
  /** The smallest size that the last SETTINGS frame named on its way to that one. */
  leastHeaderTableBytes: number;
  maxConcurrentStreams: number;
  initialWindowBytes: number;
  maxFrameBytes: number;
  maxHeaderListBytes: number;
  connectProtocol: boolean;
}

/** In force until the peer's first SETTINGS; 100 streams, as section 6.5.2 recommends no fewer. */
export function initialPeerSettings(): PeerSettings {
  return {
    headerTableBytes: 4096,
    leastHeaderTableBytes: 4096,
    maxConcurrentStreams: 100,
    initialWindowBytes: DEFAULT_WINDOW_BYTES,
    maxFrameBytes: DEFAULT_FRAME_BYTES,
    maxHeaderListBytes: Number.POSITIVE_INFINITY,
    connectProtocol: false,
  };
}

/**
 * Applies one SETTINGS payload in its order; unknown settings are ignored.
 * @throws Http2ConnectionError for a value outside its range, by section 6.5.2; ENABLE_PUSH from a server (`fromServer`)
 * must not be 1.
 */
export function applySettings(
  settings: PeerSettings,
  payload: Buffer,
  start: number,
  end: number,
  fromServer: boolean,
): void {
  settings.leastHeaderTableBytes = settings.headerTableBytes;
  for (let at = start; at < end; at += SETTING_BYTES) {
    const id = ((payload[at] as number) << 8) | (payload[at + 1] as number);
    applySetting(settings, id, readUint32(payload, at + 2), fromServer);
  }
}

function applySetting(settings: PeerSettings, id: number, value: number, fromServer: boolean): void {
  switch (id) {
    case SETTING.HEADER_TABLE_SIZE:
      settings.headerTableBytes = value;
      settings.leastHeaderTableBytes = Math.min(value, settings.leastHeaderTableBytes);
      return;
    case SETTING.ENABLE_PUSH:
      if (value > (fromServer ? 0 : 1)) throw invalid('ENABLE_PUSH', value);
      return;
    case SETTING.MAX_CONCURRENT_STREAMS:
      settings.maxConcurrentStreams = value;
      return;
    case SETTING.INITIAL_WINDOW_SIZE:
      if (value > MAX_WINDOW_BYTES) throw invalid('INITIAL_WINDOW_SIZE', value, H2_ERROR.FLOW_CONTROL_ERROR);
      settings.initialWindowBytes = value;
      return;
    case SETTING.MAX_FRAME_SIZE:
      if (value < DEFAULT_FRAME_BYTES || value > MAX_FRAME_BYTES) throw invalid('MAX_FRAME_SIZE', value);
      settings.maxFrameBytes = value;
      return;
    case SETTING.MAX_HEADER_LIST_SIZE:
      settings.maxHeaderListBytes = value;
      return;
    case SETTING.ENABLE_CONNECT_PROTOCOL:
      applyConnectProtocol(settings, value);
      return;
  }
}

/** RFC 8441 section 3: once sent as 1 it must not be taken back. */
function applyConnectProtocol(settings: PeerSettings, value: number): void {
  if (value > 1 || (value === 0 && settings.connectProtocol)) throw invalid('ENABLE_CONNECT_PROTOCOL', value);
  settings.connectProtocol = value === 1;
}

function invalid(name: string, value: number, code: number = H2_ERROR.PROTOCOL_ERROR): Http2ConnectionError {
  return new Http2ConnectionError(code, 'invalid-setting', `SETTINGS_${name} is ${value}`);
}
