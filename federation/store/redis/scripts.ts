import { LOG_KEEP_COUNT } from '../limits.ts';

/**
 * The writes and the larger reads, each one step for Redis. All keys are declared and share a slot. Own keys may
 * hold anything (another type, garbage): then they count as missing, and writing makes them what they should be.
 */

const LIBRARY = `
local function text(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then return value end
  return nil
end
local function is(key, kind)
  local found = redis.call('TYPE', key)['ok']
  return found == kind or found == 'none'
end
`;

const WRITING = `
-- What stands in the way of a write by this epoch and holder, or nil; extends the lease.
local function refusal(fence_key, lease_key, epoch, holder, ttl)
  local fence = tonumber(text(fence_key) or '0') or 0
  if fence > epoch then return 'fenced' end
  if fence < epoch then return 'fence-lost' end
  if holder == '' then return nil end
  local current = text(lease_key)
  if current and current ~= holder then return 'fenced' end
  redis.call('SET', lease_key, holder, 'PX', ttl)
  return nil
end
-- A log whose ids were driven to their end takes no entry: it begins anew.
local function append(log, ...)
  local added = redis.pcall('XADD', log, 'MAXLEN', '~', ${LOG_KEEP_COUNT}, '*', ...)
  if type(added) == 'table' and added.err then
    redis.call('DEL', log)
    redis.call('XADD', log, '*', ...)
  end
end
`;

/**
 * KEYS fence lease; ARGV holder ttlMs minimumEpoch maximumEpoch.
 * Gives `acquired` and the epoch, or `held` and the holder. A holder of '' asks for no lease.
 */
export const ACQUIRE = `${LIBRARY}
local holder = ARGV[1]
if holder ~= '' then
  local current = text(KEYS[2])
  if current and current ~= holder then return {'held', current} end
end
local fence = tonumber(text(KEYS[1]) or '0') or 0
if not (fence >= 0 and fence <= tonumber(ARGV[4])) then fence = -1 end
local epoch = string.format('%.0f', math.max(fence + 1, tonumber(ARGV[3])))
redis.call('SET', KEYS[1], epoch)
if holder ~= '' then redis.call('SET', KEYS[2], holder, 'PX', ARGV[2]) end
return {'acquired', epoch}
`;

/** KEYS lease; ARGV holder. */
export const RELEASE = `${LIBRARY}
if text(KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 'released'
`;

/**
 * KEYS fence lease services log head; ARGV epoch holder ttlMs size head previousHead, then for each change its
 * field, version, and the record behind a '+', or '-' for a withdrawal.
 */
export const COMMIT = `${LIBRARY}${WRITING}
local services, log, head = KEYS[3], KEYS[4], KEYS[5]
local refused = refusal(KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2], ARGV[3])
if refused then return refused end
if text(head) ~= ARGV[6] then return 'foreign-head' end
if not is(services, 'hash') then return 'wrong-size' end
for i = 7, #ARGV, 3 do
  local field, version, change = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if change == '-' then
    redis.call('HDEL', services, field)
    append(log, 'v', version, 'f', field)
  else
    local record = string.sub(change, 2)
    redis.call('HSET', services, field, version .. ' ' .. record)
    append(log, 'v', version, 'f', field, 'r', record)
  end
end
redis.call('SET', head, ARGV[5])
append(log, 'h', ARGV[5])
if redis.call('HLEN', services) ~= tonumber(ARGV[4]) then return 'wrong-size' end
return 'written'
`;

/** KEYS staging; ARGV ttlMs, then fields and values. What is never promoted goes by itself. */
export const STAGE = `
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'staged'
`;

/**
 * KEYS fence lease services log head staging; ARGV epoch holder ttlMs size head. What an attempt that was cut short
 * put aside makes the size wrong once, then it is gone.
 */
export const PROMOTE = `${LIBRARY}${WRITING}
local services, log, head, staging = KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local refused = refusal(KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2], ARGV[3])
if refused then return refused end
local size = tonumber(ARGV[4])
if redis.call('HLEN', staging) ~= size then
  redis.call('UNLINK', staging)
  return 'wrong-size'
end
redis.call('UNLINK', services)
if size > 0 then
  redis.call('RENAME', staging, services)
  redis.call('PERSIST', services)
end
if not is(log, 'stream') then redis.call('DEL', log) end
append(log, 'x', '1')
redis.call('SET', head, ARGV[5])
append(log, 'h', ARGV[5])
return 'written'
`;

/**
 * KEYS members; ARGV count maxBytes. Gives names, without those longer than any cluster's may be: any member may put
 * any there.
 */
export const READ_MEMBERS = `
local names = {}
for _, name in ipairs(redis.call('SRANDMEMBER', KEYS[1], tonumber(ARGV[1]))) do
  if #name <= tonumber(ARGV[2]) then names[#names + 1] = name end
end
return names
`;

const READING = `
local function last_id(log)
  local info = redis.pcall('XINFO', 'STREAM', log)
  if info.err then return '0-0' end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
  return '0-0'
end
`;

/** KEYS head log; ARGV maxHeadBytes. Gives the log's last id and the head, or the id alone. A head that is too long is cut. */
export const READ_HEAD = `${LIBRARY}${READING}
local head = text(KEYS[1])
if not head then return {last_id(KEYS[2])} end
return {last_id(KEYS[2]), string.sub(head, 1, tonumber(ARGV[1]) + 1)}
`;

/**
 * KEYS head log services; ARGV maxHeadBytes maxRecords maxBytes. Gives the last id, the head or '', and the hash as
 * fields and values; or `too-large` alone.
 */
export const READ_ALL = `${LIBRARY}${READING}
local head = string.sub(text(KEYS[1]) or '', 1, tonumber(ARGV[1]) + 1)
local reply = {last_id(KEYS[2]), head}
if not is(KEYS[3], 'hash') then return reply end
if redis.call('HLEN', KEYS[3]) > tonumber(ARGV[2]) then return {'too-large'} end
local all = redis.call('HGETALL', KEYS[3])
local bytes = 0
for i = 1, #all do
  bytes = bytes + #all[i]
  reply[i + 2] = all[i]
end
if bytes > tonumber(ARGV[3]) then return {'too-large'} end
return reply
`;
