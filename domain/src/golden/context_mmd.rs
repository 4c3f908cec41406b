use super::{Case, integers, number, numbers, width};
use crate::detectors::two_sample::context_mmd::Couplings;
use crate::detectors::two_sample::context_mmd::conditional::{Conditional, Label};
use crate::detectors::two_sample::context_mmd::contexts::Contexts;
use crate::detectors::two_sample::context_mmd::matrix::KernelMatrix;
use crate::detectors::two_sample::context_mmd::regularizer::choose_lambda;
use crate::ports::Silent;
use crate::statistics::kernel::{GaussianKernel, Points};
use crate::test_pool::Threads;

fn points(case: &Case, name: &str) -> Points {
    Points::from_rows(&numbers(case.input(name)), width(case.input(name)))
}

fn kernel(case: &Case, name: &str) -> GaussianKernel {
    GaussianKernel::new(&[number(case.params(name))])
}

fn matrix(case: &Case, rows: &Points) -> KernelMatrix {
    KernelMatrix::of(&kernel(case, "sigma_x"), rows, &Threads(2), &Silent).expect("nobody cancels")
}

pub(super) fn case(case: &Case) {
    if case.kind() == "replay" {
        let contexts = points(case, "c");
        let contexts = Contexts::of(&kernel(case, "sigma_c"), &contexts, &contexts.select(&[]));
        let kernels = matrix(case, &points(case, "x"));
        case.check("lambda", &[choose_lambda(&kernels, &contexts, &integers(case.input("permutation")))]);
        return;
    }
    let (n, m) = (points(case, "x_ref").n_rows(), points(case, "x").n_rows());
    let kernels = matrix(case, &points(case, "x_ref").followed_by(&points(case, "x")));
    let compared = points(case, "c_ref").followed_by(&points(case, "c"));
    let contexts = Contexts::of(&kernel(case, "sigma_c"), &compared, &points(case, "c_held"));
    let lambdas = ["lam_ref", "lam_test"].map(|name| number(case.params(name)));
    let conditional = Conditional::new(&kernels, &contexts, lambdas);
    let weights = conditional.weights(&(0..n + m).map(|row| Label::of(row >= n)).collect::<Vec<_>>());
    case.check("statistic", &[conditional.statistic(&weights)]);
    let couplings = Couplings::new(weights, n);
    case.check("coupling_xx_sum", &[couplings.within_reference().iter().sum()]);
    case.check("coupling_xy_sum", &[couplings.between().iter().sum()]);
}
