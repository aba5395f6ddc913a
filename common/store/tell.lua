-- tell.lua - what is told once in the whole fleet: of many daemons that have
-- something to tell of one key, one does, for all of them; on Redis's clock.
--
-- KEYS: 1 note (hash: u -> ms until which nobody tells, n -> what came since)
-- ARGV: COUNT EVERY_MS
--   -> "TOLD WAIT_MS LEFT": how often it came, if the caller is to tell it now,
--      else 0; how long nobody tells from now on; what is still to be told then
--
-- Commands, for an ACL: TIME HGET HINCRBY HSET PEXPIRE.

local call = redis.call
local key, every = KEYS[1], ARGV[2] + 0
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = call('HINCRBY', key, 'n', ARGV[1])
local wait = (call('HGET', key, 'u') or 0) - now
local told = 0

-- A clock that was set back makes nobody wait for longer than a period.
if wait <= 0 or wait > every then
  wait = 0
  if count > 0 then
    told, count, wait = count, 0, every
    call('HSET', key, 'n', '0', 'u', string.format('%.0f', now + every))
  end
end
-- Who comes to tell the rest finds it still there.
call('PEXPIRE', key, string.format('%.0f', wait + every))
return string.format('%.0f %.0f %.0f', told, wait, count)
