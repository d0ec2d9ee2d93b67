//! Answers as hosts give them, as broken hosts give them, and as nobody gives them.

use model::{
    digest::Sha256,
    facts::{Address, Arch, ConfigFact, ConfigSource, HostFacts},
    fault::Cause,
    op::{HostOp, Survey},
    plan::StepId,
    port::{Exec, ExecStep},
    reply::{FailureKind, Said, StepReply},
};
use proptest::prelude::*;

use super::Decoder;

fn step(op: HostOp) -> ExecStep {
    let was = model::condition::Condition::Holds;
    ExecStep { id: StepId::parse(op.name()), op, was, own: None, bodies: Vec::new() }
}

fn decoder(ops: Vec<HostOp>) -> Decoder {
    Decoder::new("n".to_owned(), &Exec { steps: ops.into_iter().map(step).collect() })
}

fn read(ops: Vec<HostOp>, answer: &[u8]) -> (Vec<Said>, Result<(), model::fault::HostFault>) {
    let mut decoder = decoder(ops);
    let mut said = Vec::new();
    decoder.feed(answer, &mut |word| said.push(word));
    let verdict = decoder.finish(Some(0), b"", &mut |word| said.push(word));
    (said, verdict)
}

const BARE: &str = "n o init systemd\nn o now 1700000000\nn o f k3s|/usr/local/bin/k3s|absent\n";

/// Observes what these lines add to a bare host. `FILE` begins a file, `| ` stands before each of its lines.
fn observed(lines: &str) -> HostFacts {
    let lines: Vec<_> = lines.lines().map(|line| format!("n o {}\n", line.trim_start())).collect();
    let lines = lines.concat();
    let answer = format!("\ncoracle ready\nn b 0\n{BARE}{lines}n e 0 observed\nn done\n");
    let (mut said, verdict) = read(vec![HostOp::Observe(Survey::default())], answer.as_bytes());
    assert_eq!(verdict, Ok(()));
    match said.pop() {
        Some(Said::Ended(_, StepReply::Observed(facts, _))) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_of_several_lines_is_whole_before_it_is_said() {
    let answer = b"\ncoracle ready\nn b 0\nn e 0 failed command first\nn +  second\nn + \nn + https://u:p@h/x\nn done\n";
    let (said, verdict) = read(vec![HostOp::KillK3s], answer);
    assert_eq!(verdict, Ok(()));
    let Some(Said::Ended(_, StepReply::Failed(failure))) = said.last() else { panic!("{said:?}") };
    assert_eq!(failure.kind, FailureKind::Command);
    assert_eq!(failure.detail, "first\n second\n\nhttps://u:p@h/x".replace("u:p", "…"));
}

#[test]
fn what_ends_early_says_where() {
    let two = || vec![HostOp::KillK3s, HostOp::Unclaim];
    let cause = |answer: &str| read(two(), answer.as_bytes()).1.map_err(|fault| (fault.cause, fault.detail));
    let at = |detail: &str| Err((Cause::Lost, detail.to_owned()));
    let ready = "\ncoracle ready\n";
    assert_eq!(cause(&format!("{ready}n b 0\nn e 0 changed\nn b 1\n")), at("in unclaim"));
    assert_eq!(cause(&format!("{ready}n b 0\nn e 0 changed\nn b")), at("after kill-k3s"));
    assert_eq!(cause(ready), at("before the first step"));
    assert_eq!(
        cause(&format!("{ready}n fault busy harbor-1: service k3s\n")),
        Err((Cause::Busy, "harbor-1: service k3s".to_owned()))
    );
    assert_eq!(cause(&format!("{ready}coracle full\n")).map_err(|(cause, _)| cause), Err(Cause::DiskFull));
}

#[test]
fn what_is_out_of_turn_is_garbled() {
    let ready = "\ncoracle ready\n";
    for answer in [
        "n e 0 changed\n",
        "n b 1\n",
        "n b 0\nn b 1\n",
        "n b 0\nn e 0 changed\nn e 0 changed\n",
        "n b 0\nn e 0 what\n",
        "n b 0\nn e 0 observed\n",
        "n b 0\nn o init systemd\n",
        "n + text\n",
        "n b x\n",
        "n what\n",
    ] {
        let (_, verdict) =
            read(vec![HostOp::KillK3s, HostOp::Unclaim], format!("{ready}{answer}n done\n").as_bytes());
        assert_eq!(verdict.map_err(|fault| fault.cause), Err(Cause::Garbled), "{answer}");
    }
}

#[test]
fn the_way_to_root_fails_with_its_own_words() {
    let finish = |status, stderr: &str| {
        let fault =
            decoder(Vec::new()).finish(status, stderr.as_bytes(), &mut |_| {}).expect_err("not ready");
        (fault.cause, fault.detail)
    };
    let cases = [
        (Some(1), "sudo: a password is required", Cause::RootPassword),
        (Some(1), "Sorry, try again.\nsudo: no password was provided", Cause::RootPassword),
        (Some(1), "ops is not in the sudoers file.", Cause::NoRoot),
        (Some(127), "sh: 1: exec: sudo: not found", Cause::NoRoot),
        (Some(1), "doas: Operation not permitted", Cause::NoRoot),
        (Some(1), "doas: Authentication required", Cause::RootPassword),
        (Some(255), "Connection closed by remote host", Cause::Lost),
        (Some(127), "sh: not found", Cause::Unsupported),
        (Some(1), "This account is not available.", Cause::Garbled),
    ];
    for (status, stderr, cause) in cases {
        let detail = stderr.lines().last().unwrap_or_default().to_owned();
        assert_eq!(finish(status, stderr), (cause, detail));
    }
}

#[test]
fn systems_are_known_by_their_own_files() {
    let facts = observed(
        r#"t /usr/lib/os-release
        | ID=rocky
        | ID_LIKE="rhel centos fedora"
        | VERSION_ID="9.4"
        | PRETTY_NAME='Rocky "Blue" 9'
        machine aarch64
        t /proc/swaps
        | Filename Type
        | /dev/zram0 partition
        t /proc/cgroups
        | #subsys_name hierarchy num_cgroups enabled
        | memory 0 1 0
        t /proc/meminfo
        | MemTotal:        2048 kB
        t /sys/fs/selinux/enforce
        | 1
        t /etc/ssh/sshd_config
        | # comment
        | Include /etc/ssh/sshd_config.d/*.conf
        t /proc/uptime
        | 63.25 120.1
        df Filesystem 1024-blocks Used Available
        clock no"#,
    );
    let system = &facts.stable.system;
    assert_eq!(
        (system.id.as_str(), system.version.as_str(), system.pretty.as_str()),
        ("rocky", "9.4", "Rocky \"Blue\" 9")
    );
    assert_eq!(system.like, ["rhel", "centos", "fedora"]);
    assert_eq!(facts.stable.arch, Arch::Arm64);
    assert!(facts.stable.swap && facts.stable.selinux_enforcing && facts.stable.sshd_dropins);
    assert!(!facts.stable.memory_cgroup, "it is there and switched off");
    assert_eq!((facts.volatile.memory, facts.volatile.uptime), (2048 * 1024, 63));
    assert_eq!(facts.volatile.clock_synced, Some(false));
}

#[test]
fn addresses_are_read_with_and_without_ip() {
    let address = |interface: &str, ip: &str, prefix| {
        let ip = ip.parse().expect("an address");
        Address { interface: interface.to_owned(), ip, prefix }
    };
    let answer = "\ncoracle ready\nn b 0\n".to_owned()
        + BARE
        + "n o ip 2: eth0    inet 10.0.0.4/24 brd 10.0.0.255 scope global eth0\\ valid_lft forever\n\
           n + 2: eth0    inet6 2001:db8::4/64 scope global temporary dynamic\n\
           n + 3: wg0@if2    inet 10.9.0.1/32 scope global wg0\n\
           n e 0 observed\nn done\n";
    let (said, _) = read(vec![HostOp::Observe(Survey::default())], answer.as_bytes());
    let Some(Said::Ended(_, StepReply::Observed(facts, _))) = said.last() else { panic!("{said:?}") };
    assert_eq!(facts.stable.addresses, [address("eth0", "10.0.0.4", 24), address("wg0", "10.9.0.1", 32)]);

    let facts = observed(
        "t /proc/net/fib_trie
        | Main:
        |      |-- 10.0.0.4
        |         /32 host LOCAL
        |      |-- 127.0.0.1
        |         /32 host LOCAL
        |      |-- 10.0.0.255
        |         /32 link BROADCAST
        t /proc/net/route
        | Iface Destination Gateway Flags RefCnt Use Metric Mask
        | eth0 00000000 0100000A 0003 0 0 0 00000000
        | eth0 0000000A 00000000 0001 0 0 0 00FFFFFF
        t /proc/net/if_inet6
        | fe800000000000000000000000000001 02 40 20 80 eth0
        | 20010db8000000000000000000000004 02 40 00 80 eth0",
    );
    assert_eq!(facts.stable.addresses, [address("eth0", "10.0.0.4", 24), address("eth0", "2001:db8::4", 64)]);
}

#[test]
fn k3s_configuration_is_merged_by_k3s_rules_without_secrets() {
    let facts = observed(
        r#"t /etc/rancher/k3s/config.yaml
        | token: boop
        | node-label: [foo=bar]
        | cluster-cidr: 10.1.0.0/16
        t /etc/rancher/k3s/config.yaml.d/50-x.yaml
        | node-label+: [other=what]
        t /etc/systemd/system/k3s.service
        | [Service]
        | ExecStart=/usr/local/bin/k3s \
        |     server \
        |     '--cluster-cidr=10.2.0.0/16' \
        |     '--agent-token' 'hidden' \
        |     '--cluster-init'
        t /etc/systemd/system/k3s.service.env
        | K3S_TOKEN=hidden
        | K3S_NODE_NAME="n 1"
        version k3s version v1.36.4+k3s1 (0a1b2c3d)"#,
    );
    let k3s = &facts.stable.k3s;
    assert_eq!(k3s.version.as_ref().map(ToString::to_string).as_deref(), Some("v1.36.4+k3s1"));
    assert_eq!(k3s.services[0].name, "k3s");
    assert_eq!(k3s.services[0].arguments, ["--cluster-cidr=10.2.0.0/16", "--agent-token", "--cluster-init"]);
    let fact = |source, value: Option<&str>| ConfigFact { source, value: value.map(str::to_owned) };
    let file = |path: &str| ConfigSource::File(format!("/etc/rancher/k3s/{path}"));
    assert_eq!(k3s.config["token"], fact(file("config.yaml"), None));
    assert_eq!(
        k3s.config["node-label"],
        fact(file("config.yaml.d/50-x.yaml"), Some(r#"["foo=bar","other=what"]"#))
    );
    assert_eq!(k3s.config["cluster-cidr"].source, ConfigSource::Argument);
    assert_eq!(k3s.config["agent-token"], fact(ConfigSource::Argument, None));
    assert_eq!(k3s.config["cluster-init"], fact(ConfigSource::Argument, Some("true")));
    assert_eq!(k3s.config["node-name"], fact(ConfigSource::Environment, Some("\"n 1\"")));
    assert!(!format!("{facts:?}").contains("hidden") && !format!("{facts:?}").contains("boop"));
}

#[test]
fn an_openrc_script_says_what_k3s_runs_as() {
    let facts = observed(
        r#"t /etc/init.d/k3s-agent
        | command="/usr/local/bin/k3s"
        | command_args="agent \
        |     --server=https://10.0.0.1:6443 \
        |     >>/var/log/k3s-agent.log 2>&1""#,
    );
    assert_eq!(facts.stable.k3s.services[0].role, model::Role::Agent);
    assert_eq!(facts.stable.k3s.services[0].arguments, ["--server=https://10.0.0.1:6443"]);
}

#[test]
fn one_certificate_is_hashed_as_its_file() {
    let facts = observed(
        "t /var/lib/rancher/k3s/server/tls/server-ca.crt
        | -----BEGIN CERTIFICATE-----
        | AAAA
        | -----END CERTIFICATE-----",
    );
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(facts.stable.k3s.data.server_ca, Some(Sha256::of(pem)));
    let facts = observed(
        "f agent_ca|-|file|644|0|0|root|root|5|-
        t /var/lib/rancher/k3s/agent/server-ca.crt
        | a
        | bcd",
    );
    assert_eq!(facts.stable.k3s.data.agent_ca, Some(Sha256::of(b"a\nbcd")));
}

#[test]
fn an_observation_that_lacks_a_path_is_garbled() {
    let mut survey = Survey::default();
    survey.paths.insert("/etc/motd".to_owned(), model::op::Look::Meta);
    let answer = format!("\ncoracle ready\nn b 0\n{BARE}n e 0 observed\nn done\n");
    let (_, verdict) = read(vec![HostOp::Observe(survey)], answer.as_bytes());
    assert_eq!(verdict.map_err(|fault| fault.cause), Err(Cause::Garbled));
}

/// Pieces of the protocol in any order, with rubbish between.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\ncoracle ready\n".to_vec()),
        "n (b|e|o|\\+|fault|done|what) ?[0-3]? ?(changed|failed|secret|observed|locked|received|f|h|t|\\||units)? ?[a-z0-9|\\\\]{0,8}\n"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
        Just(BARE.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_answer_makes_the_decoder_panic(answer in answers(), status in any::<Option<i32>>()) {
        let mut decoder = decoder(vec![HostOp::Observe(Survey::default()), HostOp::KillK3s]);
        decoder.feed(&answer, &mut |_| {});
        let _ = decoder.finish(status, &answer, &mut |_| {});
    }

    #[test]
    fn an_answer_is_the_same_in_any_pieces(answer in answers(), size in 1_usize..20) {
        let ops = || vec![HostOp::Observe(Survey::default()), HostOp::KillK3s];
        let whole = read(ops(), &answer);
        let mut decoder = decoder(ops());
        let mut said = Vec::new();
        for piece in answer.chunks(size) {
            decoder.feed(piece, &mut |word| said.push(word));
        }
        let verdict = decoder.finish(Some(0), b"", &mut |word| said.push(word));
        prop_assert_eq!(whole, (said, verdict));
    }
}
