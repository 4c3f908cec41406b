use super::{Case, integers, numbers, univariate, width};
use crate::ports::Silent;
use crate::preprocess::Pca;
use crate::statistics::correction::Correction;
use crate::statistics::kernel::{GaussianKernel, Points, median_bandwidth, squared_mmd};
use crate::statistics::quantile::{self, QuantileType};
use crate::test_pool::Threads;

pub(super) fn quantile(case: &Case) {
    let definition = match case.params("type").as_u64() {
        Some(6) => QuantileType::Six,
        Some(7) => QuantileType::Seven,
        _ => QuantileType::Eight,
    };
    let interpolate = case.params("interpolate").as_bool().expect("a choice");
    let sample = numbers(case.input("sample"));
    let value = |p| quantile::quantile(&mut sample.clone(), p, definition, interpolate).expect("a large enough sample");
    let values: Vec<f64> = numbers(case.input("p")).into_iter().map(value).collect();
    case.check("value", &values);
}

pub(super) fn correction(case: &Case) {
    let p_values: Vec<Option<f64>> = numbers(case.input("p_vals")).into_iter().map(Some).collect();
    let level = case.params("q").as_f64().expect("a level");
    let fdr = Correction::Fdr.judge(&p_values, level);
    univariate::check_verdict(case, &fdr, "is_drift", "threshold");
    let bonferroni = Correction::Bonferroni.judge(&p_values, level);
    univariate::check_verdict(case, &bonferroni, "bonferroni_is_drift", "bonferroni_threshold");
}

pub(super) fn kernel(case: &Case) {
    let d = width(case.input("x"));
    let (x, y) = (numbers(case.input("x")), numbers(case.input("y")));
    let (x, y) = (Points::from_rows(&x, d), Points::from_rows(&y, d));
    if case.id().contains("-median-") {
        let sigma = median_bandwidth(&x, &Threads(2), &Silent).expect("nobody cancels");
        case.check("sigma_xx", &[sigma]);
        return;
    }
    let kernel = GaussianKernel::new(&numbers(case.params("sigma")));
    case.check("mmd2_unbiased", &[squared_mmd(&kernel, &x, &y)]);
    case.check("k_xy_sum", &[(0..x.n_rows()).map(|row| kernel.sum_with(&x.row(row), &y)).sum()]);
    let rows = case.expected("k_xy_first_rows").as_array().expect("rows").len();
    let first: Vec<f64> = (0..rows)
        .flat_map(|row| (0..y.n_rows()).map(|other| kernel.between(&x.row(row), &y.row(other))).collect::<Vec<_>>())
        .collect();
    case.check("k_xy_first_rows", &first);
}

pub(super) fn pca(case: &Case) {
    let d = width(case.input("x_ref"));
    let k = integers(&serde_json::json!([case.params("n_components")]))[0];
    let pca = Pca::fit(&numbers(case.input("x_ref")), d, k).expect("the decomposition succeeds");
    let transformed: Vec<f64> =
        numbers(case.input("x")).chunks_exact(d).flat_map(|row| pca.project(row).collect::<Vec<_>>()).collect();
    case.check("transform", &transformed);
}
