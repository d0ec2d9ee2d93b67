//! Nobody is ever locked out for longer than a guard's window.

use crate::stage::{Stage, file, name};

const SHUT: &str = "os: {files: [{path: /etc/ssh/sshd_config.d/20-mine.conf, content: \"DenyUsers root\\n\", mode: \"0600\"}]}";

fn can_log_in(stage: &Stage) -> bool {
    use model::port::Access;
    let sim = sim::Sim::new(&stage.world);
    sim.run(async { sim.prove(&name("s1")).await.is_ok() }).done().unwrap()
}

#[test]
fn an_sshd_change_that_shuts_the_operator_out_is_taken_back_by_the_host() {
    let mut stage = Stage::new(&file(1, 0, ""));
    stage.apply_to_the_end();
    stage.edit(&file(1, 0, SHUT));
    let done = stage.apply().done().unwrap();
    assert!(matches!(done.end, model::event::End::Failed { .. }), "{:?}", done.end);
    stage.pass(90);
    assert!(can_log_in(&stage));
    assert_eq!(stage.world.borrow().file(&name("s1"), "/etc/ssh/sshd_config.d/20-mine.conf"), None);
    stage.is_unharmed();
}

#[test]
fn so_it_is_when_the_operator_dies_right_after_the_change() {
    for heard in 0..40 {
        let mut stage = Stage::new(&file(1, 0, ""));
        stage.apply_to_the_end();
        stage.edit(&file(1, 0, SHUT));
        stage.world.borrow_mut().die_after(heard);
        let _ = stage.apply().done();
        stage.pass(90);
        assert!(can_log_in(&stage), "died after {heard}");
        stage.is_unharmed();
    }
}

#[test]
fn a_reboot_inside_the_window_takes_the_change_back_before_sshd_starts() {
    let mut stage = Stage::new(&file(1, 0, ""));
    stage.apply_to_the_end();
    stage.edit(&file(1, 0, SHUT));
    stage.fault("reboot s1 at step *reload sshd");
    let _ = stage.apply().done();
    stage.pass(30);
    assert!(can_log_in(&stage), "{}", stage.last_words());
    stage.is_unharmed();
}
