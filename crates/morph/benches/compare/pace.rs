//! Latency at a given rate: requests are sent when they are due, whether or not earlier ones were answered.
//!
//! wrk asks again when it has an answer: each server then has the load that it takes, and where the client is the slower of the
//! two it measures its own queue. Here all servers have the same load, and a request waits from the moment it was due.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::event::epoll;

/// What one run came to, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paced {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// One request after the other on one connection.
struct Lane {
    stream: TcpStream,
    /// When the request under way was due.
    due: Option<Instant>,
    /// Bytes of its answer so far.
    got: usize,
}

/// What is asked for: by whom, how many at once, how many a second.
pub(crate) struct Load<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) connections: u32,
    pub(crate) rate: f64,
}

impl Load<'_> {
    fn request(&self) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.path, self.port).into_bytes()
    }

    /// Asks at this rate for so long, after a tenth of the time that does not count; on the second core, with a clock that is
    /// looked at all the time.
    pub(crate) fn pace(&self, seconds: f64) -> Paced {
        let (load, span) = (self, Duration::from_secs_f64(seconds));
        // A thread of its own, so that nothing else is bound to that core.
        let mut times = thread::scope(|scope| scope.spawn(|| load.run(span)).join().unwrap());
        times.drain(..times.len() / 10);
        times.sort_by(f64::total_cmp);
        Paced { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
    }

    fn run(&self, span: Duration) -> Vec<f64> {
        let mut core = rustix::thread::CpuSet::new();
        core.set(1);
        rustix::thread::sched_setaffinity(None, &core).unwrap();
        let request = self.request();
        let whole = self.measure(&request);
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let mut lanes: Vec<Lane> = (0..self.connections).map(|at| self.lane(&queue, at)).collect();
        let mut idle: VecDeque<usize> = (0..lanes.len()).collect();
        let (mut waiting, mut times) = (VecDeque::new(), Vec::new());
        let (mut room, mut events) = (vec![0; 256 << 10], Vec::with_capacity(lanes.len()));
        let began = Instant::now();
        let mut next = began;
        loop {
            let now = Instant::now();
            while next <= now && next < began + span {
                waiting.push_back(next);
                next += Duration::from_secs_f64(1.0 / self.rate);
            }
            while !waiting.is_empty() && !idle.is_empty() {
                let lane = &mut lanes[idle.pop_front().unwrap()];
                lane.due = waiting.pop_front();
                lane.stream.write_all(&request).unwrap();
            }
            if now >= began + span && waiting.is_empty() && idle.len() == lanes.len() {
                return times;
            }
            events.clear();
            let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            epoll::wait(&queue, rustix::buffer::spare_capacity(&mut events), Some(&at_once)).unwrap();
            for event in &events {
                let at = usize::try_from(event.data.u64()).unwrap();
                if lanes[at].answered(whole, &mut room) {
                    let due = lanes[at].due.take().unwrap();
                    times.push(due.elapsed().as_secs_f64() * 1000.0);
                    idle.push_back(at);
                }
            }
        }
    }

    fn lane(&self, queue: &OwnedFd, at: u32) -> Lane {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        epoll::add(queue, &stream, epoll::EventData::new_u64(at.into()), epoll::EventFlags::IN).unwrap();
        Lane { stream, due: None, got: 0 }
    }

    /// The length of an answer, head and all: it is the same each time.
    fn measure(&self, request: &[u8]) -> usize {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request).unwrap();
        let (mut got, mut room) = (Vec::new(), [0; 4096]);
        let head = loop {
            let more = stream.read(&mut room).unwrap();
            got.extend_from_slice(&room[..more]);
            if let Some(at) = got.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = String::from_utf8_lossy(&got[..head]).to_lowercase();
        let line = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        head + line.trim().parse::<usize>().unwrap()
    }
}

impl Lane {
    /// Reads what is there; whether that was the end of the answer.
    fn answered(&mut self, whole: usize, room: &mut [u8]) -> bool {
        loop {
            match self.stream.read(room) {
                Ok(0) => panic!("the connection ended"),
                Ok(more) => self.got += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) => panic!("{error}"),
            }
            if self.got >= whole {
                self.got = 0;
                return true;
            }
        }
    }
}
